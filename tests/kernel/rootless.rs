//! The same tests as somebody who isn't root: the test program starts itself as another user, and the
//! airlock adds a user namespace.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use libtest_mimic::Failed;

/// Tells the inner run from the outer.
const INNER: &str = "CANAL_SIM_ROOTLESS_TEST";

/// `nobody`.
const SOMEBODY: u32 = 65_534;

/// Whether this process is the inner run.
pub fn is_inner() -> bool {
    std::env::var_os(INNER).is_some()
}

pub fn everything_works_in_a_user_namespace() -> Result<(), Failed> {
    // Where the program was built, another user may not be let in.
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let program = folder.path().join("kernel-tests");
    // By a process of its own: the children that other tests start meanwhile would hold a descriptor of
    // this one's that writes the program, which can't be run as long as one does.
    let copied = Command::new("cp")
        .arg(std::env::current_exe()?)
        .arg(&program)
        .status()?;
    if !copied.success() {
        return Err(format!("cp: {copied}").into());
    }
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let mut command = Command::new(&program);
    command
        .env(INNER, "1")
        .current_dir("/")
        .arg("--test-threads=2");
    // Where this run isn't root's already.
    if fs::read_to_string("/proc/self/uid_map")?
        .trim_end()
        .ends_with("4294967295")
    {
        command.uid(SOMEBODY).gid(SOMEBODY);
    }
    let output = command.output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let warned = String::from_utf8_lossy(&output.stderr);
    if warned.contains("not run: ") {
        eprintln!("skipped: user namespaces are not to be had here: {warned}");
        return Ok(());
    }
    assert!(output.status.success(), "{told}\n{warned}");
    assert!(!told.contains(" 0 passed"), "{told}");
    Ok(())
}
