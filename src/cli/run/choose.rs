//! Which backend carries a run out, and why that one.

use super::RunPlan;
use crate::backend::BackendError;
use crate::cli::args::BackendChoice;

/// A backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Network namespaces of the Linux kernel, in real time.
    Kernel,
    /// In memory, on virtual time.
    Memory,
}

impl Ground {
    /// The backend's name, as it gives it itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Memory => "memory",
        }
    }
}

/// The backend that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Which.
    pub ground: Ground,
    /// Why, in words that read on after the backend's name and a colon.
    pub why: String,
}

/// Chooses as the plan says. `kernel` gets this machine ready for the kernel backend, says what has to be done
/// without there, and is called only where that one may be taken.
///
/// # Errors
///
/// What the kernel backend lacks, where nothing else was allowed.
pub fn choose(
    plan: &RunPlan,
    kernel: impl FnOnce() -> Result<Vec<String>, BackendError>,
) -> Result<Chosen, BackendError> {
    let asked = |ground| Chosen {
        ground,
        why: plan.asked.to_owned(),
    };
    match plan.backend {
        BackendChoice::Memory => Ok(asked(Ground::Memory)),
        BackendChoice::Kernel => kernel().map(|without| Chosen {
            ground: Ground::Kernel,
            why: but_for(plan.asked, &without),
        }),
        BackendChoice::Auto => Ok(match kernel() {
            Ok(without) => Chosen {
                ground: Ground::Kernel,
                why: but_for("this machine has all that it needs", &without),
            },
            Err(error) => Chosen {
                ground: Ground::Memory,
                why: format!("the kernel backend can't run here: {}", error.what()),
            },
        }),
    }
}

/// What can be done without, and has to be, is part of every report: a verdict may rest on it.
fn but_for(why: &str, without: &[String]) -> String {
    match without {
        [] => why.to_owned(),
        list => format!("{why}; without {}", list.join(", ")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    fn plan(backend: BackendChoice) -> RunPlan {
        RunPlan {
            scenarios: Vec::new(),
            jobs: NonZeroUsize::MIN,
            fail_fast: false,
            backend,
            asked: "as asked",
            seed: 1,
            capture: false,
        }
    }

    fn lacking() -> Result<Vec<String>, BackendError> {
        Err(BackendError::Machine {
            what: "not permitted".into(),
            mend: "run as root".into(),
        })
    }

    #[test]
    fn the_kernel_where_it_can_else_memory() {
        let chosen = choose(&plan(BackendChoice::Auto), || Ok(Vec::new())).unwrap();
        assert_eq!(chosen.ground, Ground::Kernel);
        assert_eq!(chosen.why, "this machine has all that it needs");
        let chosen = choose(&plan(BackendChoice::Auto), lacking).unwrap();
        assert_eq!(chosen.ground, Ground::Memory);
        let why = "the kernel backend can't run here: not permitted";
        assert_eq!(chosen.why, why);
    }

    #[test]
    fn what_was_asked_for_and_nothing_else() {
        let chosen = choose(&plan(BackendChoice::Memory), || panic!("not asked for")).unwrap();
        assert_eq!((chosen.ground, &*chosen.why), (Ground::Memory, "as asked"));
        let chosen = choose(&plan(BackendChoice::Kernel), || Ok(Vec::new())).unwrap();
        assert_eq!((chosen.ground, &*chosen.why), (Ground::Kernel, "as asked"));
        let without = || Ok(vec!["VXLAN (not there)".to_owned()]);
        let chosen = choose(&plan(BackendChoice::Kernel), without).unwrap();
        assert_eq!(chosen.why, "as asked; without VXLAN (not there)");
        let error = choose(&plan(BackendChoice::Kernel), lacking).unwrap_err();
        assert_eq!(error.mend(), "run as root");
    }
}
