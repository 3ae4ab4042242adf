//! Several scenarios, one after another or side by side.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::event::Event;
use super::means::Means;
use super::scenario::{Options, Outcome, run_until};
use crate::backend::{Backend, BackendError};
use crate::scenario::Scenario;

/// Runs scenarios, at most `jobs` at a time, each on a backend of its own. Under
/// [`Options::fail_fast`] no further one begins once one has failed. When the run is asked to end
/// ([`Means::stop`]), those that are under way are left where they stand and reported as far as they came, and no
/// further one begins.
///
/// # Errors
///
/// The first failure of a backend; what ran beside it is finished, and nothing further begins.
pub async fn run_all<B: Backend>(
    scenarios: &[Scenario],
    jobs: NonZeroUsize,
    options: Options,
    means: &Means<'_>,
    make: impl AsyncFn() -> Result<B, BackendError>,
    sink: &mut dyn FnMut(Event),
) -> Result<(), BackendError> {
    sink(Event::RunStarted {
        scenarios: scenarios.len(),
        backend: means.backend,
        why: means.why.clone(),
        seed: means.seed,
    });
    let shared = RefCell::new(Progress {
        waiting: scenarios.iter().collect(),
        passed: 0,
        failed: 0,
        skipped: 0,
        elapsed: Duration::ZERO,
        broken: None,
        interrupted: false,
    });
    let stop = &means.stop;
    let sink = RefCell::new(sink);
    let emit = |event: Event| {
        match &event {
            // Every scenario that is under way tells it.
            Event::Interrupted { .. } if shared.borrow().interrupted => return,
            Event::Interrupted { .. } => shared.borrow_mut().interrupted = true,
            Event::ScenarioFinished { elapsed, .. } => shared.borrow_mut().elapsed += *elapsed,
            _ => {}
        }
        crate::fault::point("event");
        (sink.borrow_mut())(event);
    };
    // Networks of scenarios that were interrupted: the report comes first, then they are taken down.
    let left = RefCell::new(Vec::new());
    let worker = async || {
        while stop.asked().is_none() {
            let next = shared.borrow_mut().next(options);
            let Some(scenario) = next else { return };
            let outcome = match stop.or(make()).await {
                Ok(Ok(mut backend)) => {
                    let outcome =
                        run_until(scenario, &mut backend, options, stop, &mut { emit }).await;
                    crate::fault::point("scenario over");
                    if let Outcome::Interrupted(_) = outcome {
                        left.borrow_mut().push(backend);
                    }
                    outcome
                }
                Ok(Err(error)) => Outcome::Broken(error),
                // The scenario has not begun.
                Err(_) => return,
            };
            crate::fault::point("network gone");
            shared.borrow_mut().note(outcome);
        }
    };
    let workers = (0..jobs.get().min(scenarios.len())).map(|_| worker());
    together(workers.collect()).await;
    if let Some(signal) = stop.asked() {
        emit(Event::Interrupted { signal });
    }
    let progress = shared.into_inner();
    (sink.into_inner())(Event::RunFinished {
        passed: progress.passed,
        failed: progress.failed,
        skipped: progress.skipped,
        elapsed: means.clock.map_or(progress.elapsed, |clock| clock()),
    });
    crate::fault::point("run over");
    progress.broken.map_or(Ok(()), Err)
}

/// What is left to do, and how it went so far.
struct Progress<'a> {
    waiting: VecDeque<&'a Scenario>,
    passed: usize,
    failed: usize,
    skipped: usize,
    /// By the scenarios' own clocks.
    elapsed: Duration,
    broken: Option<BackendError>,
    /// Whether that was told.
    interrupted: bool,
}

impl<'a> Progress<'a> {
    fn next(&mut self, options: Options) -> Option<&'a Scenario> {
        let stop = self.broken.is_some() || (options.fail_fast && self.failed > 0);
        if stop { None } else { self.waiting.pop_front() }
    }

    fn note(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Skipped => self.skipped += 1,
            Outcome::Failed | Outcome::Wrong(_) | Outcome::Interrupted(_) => self.failed += 1,
            Outcome::Broken(error) => {
                self.failed += 1;
                self.broken.get_or_insert(error);
            }
        }
    }
}

/// Drives futures side by side on this task until all are done.
async fn together<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).map(Some).collect();
    std::future::poll_fn(|context| {
        for slot in &mut futures {
            if let Some(future) = slot
                && future.as_mut().poll(context).is_ready()
            {
                *slot = None;
            }
        }
        if futures.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}
