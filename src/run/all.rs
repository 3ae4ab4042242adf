//! Several scenarios, one after another or side by side.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::event::Event;
use super::means::Means;
use super::scenario::{Options, Outcome, run_scenario};
use crate::backend::{Backend, BackendError};
use crate::scenario::Scenario;

/// Runs scenarios, at most `jobs` at a time, each on a backend of its own. Under
/// [`Options::fail_fast`] no further one begins once one has failed.
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
    });
    let sink = RefCell::new(sink);
    let worker = async || {
        loop {
            let next = shared.borrow_mut().next(options);
            let Some(scenario) = next else { return };
            let mut emit = |event| {
                if let Event::ScenarioFinished { elapsed, .. } = &event {
                    shared.borrow_mut().elapsed += *elapsed;
                }
                (sink.borrow_mut())(event);
            };
            let outcome = match make().await {
                Ok(mut backend) => run_scenario(scenario, &mut backend, options, &mut emit).await,
                Err(error) => Outcome::Broken(error),
            };
            shared.borrow_mut().note(outcome);
        }
    };
    let workers = (0..jobs.get().min(scenarios.len())).map(|_| worker());
    together(workers.collect()).await;
    let progress = shared.into_inner();
    (sink.into_inner())(Event::RunFinished {
        passed: progress.passed,
        failed: progress.failed,
        skipped: progress.skipped,
        elapsed: means.clock.map_or(progress.elapsed, |clock| clock()),
    });
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
            Outcome::Failed | Outcome::Wrong(_) => self.failed += 1,
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
