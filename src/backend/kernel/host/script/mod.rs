//! The user's own commands on a node: the only place that forks.
//!
//! A script is for anybody to write, so it runs in a cage: on the node's network, in a file tree, with
//! processes, a host name and shared memory of the node's own, which the first script brings into being
//! (`init.rs`, `root.rs`), with the node's /etc/resolv.conf, /etc/hosts and /etc/hostname (`files.rs`), and
//! with no more rights than it takes to configure that (`walls.rs`). What a script leaves in the
//! background, and in files, lives on until the node goes.

mod files;
mod init;
mod output;
mod root;
mod strays;
mod tree;
mod walls;

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::{RwLock, oneshot};

use super::Host;
use crate::backend::kernel::shortage::{Need, refused};
use crate::backend::kernel::sys;
use crate::backend::{BackendError, Script, ScriptEnd, ScriptOutput};
use crate::network::HostFiles;
pub(super) use init::Init;
use init::Inside;
use output::Capture;
use tree::{End, Shell, Sight};
pub(in crate::backend::kernel) use walls::try_landlock;

/// How many processes this process has started.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// How many processes the kernel backend has started since the process began: one a script, and one
/// for each node that has run a script.
pub fn forks() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

/// How long output may come after the shell has ended, if a process that it left holds the pipe.
const LAST_WORDS: Duration = Duration::from_millis(50);

impl Host {
    /// Runs a script on this node, with these files of name resolution.
    ///
    /// # Errors
    ///
    /// Only where the script could not be started; its exit status is a result.
    pub async fn run(
        &self,
        script: &Script,
        files: &HostFiles,
    ) -> Result<ScriptOutput, BackendError> {
        let obstacle = |Obstacle { doing, need, error }: Obstacle| {
            self.refused(&format!("{doing} for a script"), need, &error)
        };
        let failed = |error: io::Error| self.refused("run a script", Need::Other, &error);
        let stage = Stage {
            inside: self.inside().await.map_err(obstacle)?,
            files: files.clone(),
            text: script.text.clone(),
        };
        let (leash, pull) = tree::leash().map_err(failed)?;
        let (started, start) = oneshot::channel();
        let (ended, mut end) = oneshot::channel();
        thread::Builder::new()
            .name("canal-script".into())
            .spawn(move || match stage.enter_and_start() {
                Ok(mut shell) => {
                    crate::fault::point("script started");
                    // Whoever no longer waits has dropped the leash, which ends the script.
                    let pipes = (shell.child.stdout.take(), shell.child.stderr.take());
                    let _ = started.send(Ok(pipes));
                    let _ = ended.send(shell.wait(&pull));
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            })
            .map_err(|error| obstacle(Obstacle::thread(error)))?;
        let gone = || io::Error::other("the script's thread ended early");
        let (stdout, stderr) = match start.await.map_err(|_| failed(gone()))? {
            Ok(pipes) => pipes,
            Err(Refusal::Obstacle(one)) => return Err(obstacle(one)),
            Err(Refusal::Spoilt(error)) => return Ok(spoilt(&error)),
        };
        crate::fault::point("script runs");
        let stdout = stdout.ok_or_else(gone).and_then(ChildStdout::from_std);
        let stderr = stderr.ok_or_else(gone).and_then(ChildStderr::from_std);
        let stdout = Capture::start(stdout.map_err(failed)?);
        let stderr = Capture::start(stderr.map_err(failed)?);
        let end = match tokio::time::timeout(script.timeout, &mut end).await {
            Ok(end) => match end.map_err(|_| failed(gone()))?.map_err(failed)? {
                End::Itself(status) => script_end(status),
                // Nobody has pulled.
                End::Ended { .. } => return Err(failed(gone())),
            },
            Err(_) => {
                drop(leash);
                // What became of the shell no longer matters, but that of what it started does.
                if !matches!(end.await, Ok(Ok(End::Ended { all: true }))) {
                    // With pid 1 the kernel ends all that is left. The next script has a new one.
                    *self.init.lock().await = None;
                }
                ScriptEnd::TimedOut
            }
        };
        let until = tokio::time::Instant::now() + LAST_WORDS;
        Ok(ScriptOutput {
            end,
            stdout: stdout.finish(until).await,
            stderr: stderr.finish(until).await,
            skipped: Vec::new(),
        })
    }

    /// Where the node's scripts run, made if this is the first script since the node's start.
    async fn inside(&self) -> Result<Arc<Inside>, Obstacle> {
        let mut init = self.init.lock().await;
        if let Some(inside) = init.as_mut().and_then(Init::inside) {
            return Ok(inside);
        }
        let mut fresh = Init::start(&self.netns).await?;
        let inside = fresh.inside();
        *init = Some(fresh);
        inside.ok_or_else(Obstacle::ended)
    }
}

/// What kept a script from starting.
#[derive(Debug)]
pub(in crate::backend::kernel) struct Obstacle {
    /// What was being done.
    doing: &'static str,
    /// What it needed.
    need: Need,
    error: io::Error,
}

impl Obstacle {
    /// Met while doing this.
    fn at<E: Into<io::Error>>(doing: &'static str, need: Need) -> impl FnOnce(E) -> Self {
        move |error| Self {
            doing,
            need,
            error: error.into(),
        }
    }

    fn ended() -> Self {
        Self::at("start pid 1", Need::Other)(io::Error::other("it ended at once"))
    }

    fn thread(error: io::Error) -> Self {
        Self::at("start a thread", Need::Thread)(error)
    }
}

/// Where a script starts.
const HOME: &str = "/root";

/// The variables that a script is started with, besides `PATH`, which is the caller's, and `HOSTNAME`.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("HOME", HOME),
    ("LANG", "C.UTF-8"),
    ("LOGNAME", "root"),
    ("SHELL", "/bin/sh"),
    ("USER", "root"),
];

/// Where programs are looked for if the caller has no `PATH`.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// All that a script's thread needs.
struct Stage {
    inside: Arc<Inside>,
    files: HostFiles,
    text: String,
}

impl Stage {
    /// Moves the calling thread for good: it must end after this.
    fn enter_and_start(&self) -> Result<Shell, Refusal> {
        let sight = Sight::outside().map_err(Obstacle::at("open /proc", Need::Other))?;
        self.inside
            .enter()
            .map_err(Obstacle::at("enter the node's namespaces", Need::Other))?;
        crate::fault::point("script apart");
        let is_own = self.inside.shows_processes();
        let is_own = is_own.map_err(Obstacle::at("look at the node's /proc", Need::Other))?;
        files::install(&self.files).map_err(Refusal::Spoilt)?;
        walls::put_up().map_err(Obstacle::at("put up its walls", Need::Other))?;
        crate::fault::point("script walled in");
        // With the script's own rights: an earlier one may have taken its home away. The shell starts where this
        // thread is, which shares its working folder with no other.
        if std::env::set_current_dir(HOME).is_err() {
            std::env::set_current_dir("/")
                .map_err(Obstacle::at("enter the root folder", Need::Other))?;
        }
        let mut command = program("sh");
        command
            .args(["-euc", &self.text])
            .envs(ENVIRONMENT)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if !self.files.hostname.is_empty() {
            command.env("HOSTNAME", &self.files.hostname);
        }
        sys::become_script(&mut command);
        let child =
            spawn(&mut command).map_err(Obstacle::at("start sh", Need::Program("sh", "dash")))?;
        let shell = Shell::hold(child, &sight, is_own);
        Ok(shell.map_err(Obstacle::at("hold sh", Need::Other))?)
    }
}

/// Why a script was not started.
enum Refusal {
    /// The machine lacks something.
    Obstacle(Obstacle),
    /// An earlier script has made the node's files such that no other can be run on it.
    Spoilt(io::Error),
}

impl From<Obstacle> for Refusal {
    fn from(obstacle: Obstacle) -> Self {
        Self::Obstacle(obstacle)
    }
}

/// What a shell ends with where a command can't be executed (POSIX, 2.8.2 Exit Status for Commands).
const NOT_EXECUTED: i32 = 126;

/// What comes of a script on a node that an earlier one has spoilt: that is its author's mistake, not the machine's.
fn spoilt(error: &io::Error) -> ScriptOutput {
    ScriptOutput {
        end: ScriptEnd::Exit(NOT_EXECUTED),
        stdout: String::new(),
        stderr: format!(
            "canal-sim: the script was not run: {error}. An earlier script has left the node's files so; have it leave \
             room in /etc\n"
        ),
        skipped: Vec::new(),
    }
}

/// Tries to make what a node's scripts run in, in this network namespace, and to start one.
///
/// # Errors
///
/// What can't be done here.
pub(in crate::backend::kernel) fn try_out(net: OwnedFd) -> Result<(), BackendError> {
    let doing = "run a script";
    let refused = |obstacle: Obstacle| {
        let doing = format!("{} for a script", obstacle.doing);
        refused(&doing, obstacle.need, &obstacle.error)
    };
    let broken = |why: String| BackendError::Failed {
        doing: doing.into(),
        why,
    };
    let mut init = Init::make(Arc::new(net)).map_err(refused)?;
    let inside = init
        .inside()
        .ok_or_else(|| broken("pid 1 ended at once".into()))?;
    let stage = Stage {
        inside,
        files: HostFiles::default(),
        text: "true".into(),
    };
    let script = thread::Builder::new()
        .spawn(move || {
            let mut shell = stage.enter_and_start().map_err(|refusal| match refusal {
                Refusal::Obstacle(obstacle) => obstacle,
                Refusal::Spoilt(error) => Obstacle::at("write the node's /etc", Need::Other)(error),
            })?;
            shell
                .child
                .wait()
                .map_err(Obstacle::at("wait", Need::Other))
        })
        .map_err(|error| refused(Obstacle::thread(error)))?;
    let status = script
        .join()
        .map_err(|_| broken("the thread panicked".into()))?
        .map_err(refused)?;
    if status.success() {
        Ok(())
    } else {
        Err(broken(format!("`true` ended with {status}")))
    }
}

fn told(what: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// A program in an environment that holds nothing of the caller's but where programs are.
#[allow(
    clippy::disallowed_methods,
    reason = "this is the place where processes are started"
)]
fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    let path = std::env::var_os("PATH").unwrap_or_else(|| PATH.into());
    command.env_clear().env("PATH", path);
    command
}

/// Held for reading while a process is being started.
static STARTING: RwLock<()> = RwLock::const_new(());

/// Must not be called on a thread of the runtime: it blocks. Whoever reaps the child says so to `strays`.
fn spawn(command: &mut Command) -> io::Result<Child> {
    FORKS.fetch_add(1, Ordering::Relaxed);
    let _starting = STARTING.blocking_read();
    // When this returns, the child has executed its program or has ended.
    let child = command.spawn()?;
    strays::started(child.id());
    Ok(child)
}

/// Waits until every process whose start has begun has executed its program. Until then a child holds
/// a copy of each descriptor of ours, so that a socket that was closed here is still there.
pub(super) async fn settled() {
    drop(STARTING.write().await);
}

fn script_end(status: ExitStatus) -> ScriptEnd {
    match (status.code(), status.signal()) {
        (Some(code), _) => ScriptEnd::Exit(code),
        (None, Some(signal)) => ScriptEnd::Signal(signal),
        // wait(2) reports nothing else for a process that has ended.
        (None, None) => ScriptEnd::Exit(status.into_raw()),
    }
}
