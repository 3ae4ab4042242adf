//! The report that people read.
//!
//! A scenario is a block: its title, its network, a line for each step as it finishes, all that is
//! known about a step that failed. Where several scenarios run side by side, each block is written
//! whole when its scenario is over.

mod block;
mod paint;
mod summary;

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::Report;
use crate::run::event::Event;
use block::Block;
pub(super) use paint::Paint;
use summary::Summary;

/// How the report looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colours.
    pub color: bool,
    /// How many characters a line has.
    pub width: u16,
    /// From 1 on, steps that passed show their evidence and events too.
    pub verbose: u8,
    /// Whether to write a scenario's block only when it is whole, because several run at a time.
    pub whole: bool,
}

/// Writes text for people.
pub struct Terminal<W> {
    out: W,
    style: Style,
    blocks: BTreeMap<String, Block>,
    summary: Summary,
}

impl<W: Write> Terminal<W> {
    /// A report to `out`.
    pub fn new(out: W, style: Style) -> Self {
        Self {
            out,
            style,
            blocks: BTreeMap::new(),
            summary: Summary::default(),
        }
    }

    /// Hands a block's new text on: to the output, or to what waits for the block's end.
    fn pass_on(&mut self, file: &str, text: &str, over: bool) -> io::Result<()> {
        if !self.style.whole {
            self.out.write_all(text.as_bytes())?;
            return self.out.flush();
        }
        let Some(block) = self.blocks.get_mut(file) else {
            return Ok(());
        };
        block.wait(text);
        if over {
            let whole = std::mem::take(&mut block.waiting);
            self.out.write_all(whole.as_bytes())?;
            self.out.flush()?;
        }
        Ok(())
    }
}

impl<W: Write> Report for Terminal<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.summary.event(event);
        let paint = Paint(self.style.color);
        let (file, text, over) = match event {
            Event::StepStarted { .. } | Event::Captured { left_out: 0, .. } => return Ok(()),
            Event::Captured {
                file,
                packets,
                left_out,
                ..
            } => (file, block::cut(paint, *packets, *left_out), false),
            Event::RunStarted {
                backend, why, seed, ..
            } => {
                let text = block::backend(paint, backend, why, *seed);
                self.out.write_all(text.as_bytes())?;
                return self.out.flush();
            }
            Event::Interrupted { signal } => {
                let text = block::interrupted(paint, *signal);
                self.out.write_all(text.as_bytes())?;
                return self.out.flush();
            }
            Event::RunFinished { .. } => {
                let text = self.summary.text(paint);
                self.out.write_all(text.as_bytes())?;
                return self.out.flush();
            }
            Event::ScenarioStarted { file, title, steps } => {
                let block = Block::new(*steps);
                let text = block.opening(paint, title, file);
                self.blocks.insert(file.clone(), block);
                (file, text, false)
            }
            Event::NetworkReady {
                file,
                backend,
                nodes,
                links,
                elapsed,
            } => {
                let text = block::network(paint, backend, *nodes, *links, *elapsed);
                (file, text, false)
            }
            Event::StepFinished(step) => {
                let steps = self.blocks.get(&step.file).map_or(0, |block| block.steps);
                (
                    &step.file,
                    block::step(paint, self.style, steps, step),
                    false,
                )
            }
            Event::ScenarioFinished {
                file,
                passed,
                failed,
                skipped,
                error,
                elapsed,
                ..
            } => {
                let counts = [*passed, *failed, *skipped];
                let error = error.as_deref().filter(|error| !self.summary.told(error));
                let text = block::closing(paint, counts, error, *elapsed);
                (file, text, true)
            }
        };
        self.pass_on(file, &text, over)
    }

    fn finish(&mut self) -> io::Result<()> {
        // What a run that broke off left behind.
        for block in self.blocks.values_mut() {
            let rest = std::mem::take(&mut block.waiting);
            self.out.write_all(rest.as_bytes())?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::sample;
    use super::*;

    const STYLE: Style = Style {
        color: false,
        width: 100,
        verbose: 0,
        whole: false,
    };

    fn report(events: &[Event], style: Style) -> String {
        let mut out = Vec::new();
        let mut terminal = Terminal::new(&mut out, style);
        for event in events {
            terminal.event(event).unwrap();
        }
        terminal.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_for_each_step_and_a_block_for_each_failure() {
        insta::assert_snapshot!(report(&sample::events(), STYLE));
    }

    #[test]
    fn verbose_shows_the_evidence_of_steps_that_passed() {
        let style = Style {
            verbose: 1,
            ..STYLE
        };
        insta::assert_snapshot!(report(&sample::passing(), style));
    }

    #[test]
    fn colours_mark_what_matters() {
        let style = Style {
            color: true,
            ..STYLE
        };
        let text = report(&sample::passing(), style);
        insta::assert_snapshot!(text.replace('\u{1b}', "␛"));
    }

    #[test]
    fn what_was_skipped_is_told_and_is_no_pass() {
        insta::assert_snapshot!(report(&sample::skipping(), STYLE));
    }

    #[test]
    fn what_failed_by_chance_can_be_repeated() {
        insta::assert_snapshot!(report(&sample::repeatable(), STYLE));
    }

    #[test]
    fn what_was_interrupted_is_told_and_shows_what_was_not_run() {
        insta::assert_snapshot!(report(&sample::interrupted(), STYLE));
    }

    #[test]
    fn blocks_stay_whole_where_scenarios_run_side_by_side() {
        let style = Style {
            whole: true,
            ..STYLE
        };
        insta::assert_snapshot!(report(&sample::interleaved(), style));
    }

    #[test]
    fn a_block_that_waits_names_every_step_however_much_they_write() {
        let style = Style {
            whole: true,
            ..STYLE
        };
        let mut out = Vec::new();
        let mut terminal = Terminal::new(&mut out, style);
        for event in sample::scenario_with("a", &"x".repeat(1 << 20), "why") {
            let times = match event {
                Event::StepFinished(_) => 100,
                _ => 1,
            };
            for _ in 0..times {
                terminal.event(&event).unwrap();
            }
        }
        let text = String::from_utf8(out).unwrap();
        assert!((8 << 20..17 << 20).contains(&text.len()), "{}", text.len());
        assert_eq!(text.lines().filter(|row| row.contains("FAIL")).count(), 100);
        assert!(text.contains(" bytes left out: "));
    }

    #[test]
    fn a_capture_that_is_not_whole_is_told() {
        let captured = |left_out| Event::Captured {
            file: "a.toml".into(),
            packets: 4_096,
            left_out,
            digest: String::new(),
            capture: Vec::new(),
        };
        assert_eq!(report(&[captured(0)], STYLE), "");
        assert_eq!(
            report(&[captured(7)], STYLE),
            "  the capture is full: it ends after 4096 packets, and 7 more were left out\n"
        );
    }

    #[test]
    fn what_a_script_writes_cannot_move_the_cursor() {
        let text = report(
            &sample::scenario_with("a\u{1b}[2Jb", "\u{1b}[31m\u{7}", "\u{9b}"),
            STYLE,
        );
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}']));
        assert!(text.contains("a␛[2Jb"));
    }
}
