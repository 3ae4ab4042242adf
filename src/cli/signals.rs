//! SIGINT and SIGTERM: the first ends the run in order, the second at once.
//!
//! A run that has not ended 0.8 s after the first is ended without its report. Nothing stays behind either
//! way: what a run makes goes with the process. Whoever started the program sees that the signal ended it, so
//! that a shell's loop ends too; a shell calls that status 130 or 143.

use std::io;

use crate::run::{Signal, Stop};

/// Has the signals ask the run to end. Starts a thread.
///
/// # Errors
///
/// Where the system does not allow it.
pub fn listen(stop: &Stop) -> io::Result<()> {
    system::listen(stop)
}

/// Ends the process as the signal would have done.
pub fn end_by(signal: Signal) -> ! {
    system::end_by(signal)
}

#[cfg(unix)]
mod system {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::Duration;

    use signal_hook::flag::{
        register, register_conditional_default, register_conditional_shutdown,
    };
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    use super::super::exit::Exit;
    use crate::run::{Signal, Stop};

    /// How long a run may take to end in order.
    const GRACE: Duration = Duration::from_millis(800);

    /// A container's first process: no signal ends it that it has no handler for (pid_namespaces(7)).
    fn is_first() -> bool {
        std::process::id() == 1
    }

    fn status(signal: Signal) -> i32 {
        Exit::Interrupted(signal).code().into()
    }

    fn by_number(number: i32) -> Option<Signal> {
        let known = |signal: &Signal| i32::from(signal.number()) == number;
        Signal::ALL.into_iter().find(known)
    }

    pub fn listen(stop: &Stop) -> io::Result<()> {
        let asked = Arc::new(AtomicBool::new(false));
        let numbers = Signal::ALL.map(|signal| i32::from(signal.number()));
        // Before the others: what comes from here on waits in its pipe for the thread below.
        let mut signals = Signals::new(numbers)?;
        for signal in Signal::ALL {
            let number = i32::from(signal.number());
            // In this order: only the next one finds that there has been one.
            if is_first() {
                register_conditional_shutdown(number, status(signal), Arc::clone(&asked))?;
            } else {
                register_conditional_default(number, Arc::clone(&asked))?;
            }
            register(number, Arc::clone(&asked))?;
            crate::fault::point("signal taken");
        }
        let stop = stop.clone();
        let ending = move || {
            if let Some(signal) = signals.forever().find_map(by_number) {
                stop.ask(signal);
                thread::sleep(GRACE);
                end_by(signal);
            }
        };
        let thread = thread::Builder::new().name("canal-signals".into());
        thread.spawn(ending).map(drop)
    }

    pub fn end_by(signal: Signal) -> ! {
        if !is_first() {
            // It returns only where it can't be done.
            let _ = emulate_default_handler(signal.number().into());
        }
        std::process::exit(status(signal))
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;

    use super::super::exit::Exit;
    use crate::run::{Signal, Stop};

    /// The system ends the process by itself.
    pub fn listen(_: &Stop) -> io::Result<()> {
        Ok(())
    }

    pub fn end_by(signal: Signal) -> ! {
        std::process::exit(Exit::Interrupted(signal).code().into())
    }
}
