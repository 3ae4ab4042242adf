//! Docker: an image without a registry, and one container after another.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::program::{open, shipped, shipped_names};
use crate::strength::Strength;

/// What shipped scenarios call.
const PROGRAMS: [&str; 6] = ["sh", "cat", "grep", "ip", "bridge", "nft"];

/// An image in Docker's own store. Dropping it removes it.
pub struct Image {
    id: String,
}

impl Image {
    /// Builds it; why not, where this machine can't.
    pub fn build() -> Result<Self, String> {
        let info = docker(&["info", "--format", "{{.OSType}}"]);
        let info = info.map_err(|error| format!("there is no program `docker`: {error}"))?;
        if !info.status.success() {
            return Err(format!("Docker does not answer: {}", complaint(&info)));
        }
        let root = tempfile::tempdir().map_err(|error| error.to_string())?;
        furnish(root.path())?;
        let mut tar = Command::new("tar")
            .arg("-C")
            .arg(root.path())
            .args(["--owner=0", "--group=0", "-c", "."])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("there is no program `tar`: {error}"))?;
        let packed = tar.stdout.take().expect("it was asked for");
        let imported = Command::new("docker")
            .args(["import", "-"])
            .stdin(packed)
            .output()
            .unwrap();
        let packed = tar.wait().unwrap();
        assert!(packed.success(), "{packed}");
        assert!(imported.status.success(), "{}", complaint(&imported));
        let id = String::from_utf8(imported.stdout).unwrap();
        Ok(Self {
            id: id.trim().to_owned(),
        })
    }

    /// Whether the engine lets a container be so strong.
    pub fn grants(&self, strength: &Strength) -> Granted {
        let output = self.run(strength, &["/bin/sh", "-c", ":"]);
        Granted::of(output.status.code(), complaint(&output))
    }

    /// Runs a command in a container of its own.
    pub fn run(&self, strength: &Strength, command: &[&str]) -> Output {
        let folder = tempfile::tempdir().unwrap();
        let container = Container {
            id_file: folder.path().join("id"),
        };
        Command::new("docker")
            .args(["run", "--rm", "--network", "none", "--cidfile"])
            .arg(&container.id_file)
            .args(["--env", "NO_COLOR=1", "--env", "COLUMNS=100"])
            .args(strength.options)
            .arg(&self.id)
            .args(command)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let removed = docker(&["rmi", "--force", &self.id]).unwrap();
        if !removed.status.success() {
            eprintln!("an image is left: {}", complaint(&removed));
        }
    }
}

/// What becomes of a container that does nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Granted {
    Yes,
    /// The engine does not start it; what it says.
    Refused(String),
    /// It started, or would have, and came to nothing: the image is broken.
    Broken(String),
}

impl Granted {
    /// `docker run` ends with 125 where the error is with the engine itself; 126 and 127 are about the command, and
    /// all else is the command's own (docker-run(1), "Exit status").
    fn of(code: Option<i32>, complaint: String) -> Self {
        match code {
            Some(0) => Self::Yes,
            Some(125) => Self::Refused(format!("the engine refuses it: {complaint}")),
            Some(code) => Self::Broken(format!("`sh -c :` ends with {code}: {complaint}")),
            None => Self::Broken(format!("`docker run` was killed: {complaint}")),
        }
    }
}

/// Nothing but what the engine itself refuses may be left out.
pub fn refusals() {
    let of = |code| Granted::of(code, "why".to_owned());
    assert_eq!(of(Some(0)), Granted::Yes);
    assert!(matches!(of(Some(125)), Granted::Refused(_)));
    for broken in [Some(1), Some(126), Some(127), Some(139), None] {
        assert!(matches!(of(broken), Granted::Broken(_)), "{broken:?}");
    }
}

/// A container that is being run. Dropping it ends it, where it has not gone by itself.
struct Container {
    id_file: PathBuf,
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Ok(id) = fs::read_to_string(&self.id_file) {
            // It says so where there is none any more.
            let _ = docker(&["rm", "--force", id.trim()]);
        }
    }
}

fn docker(arguments: &[&str]) -> std::io::Result<Output> {
    Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
}

/// The line of its error output that says most: the engine's own, before advice.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().next().unwrap_or("no word").to_owned()
}

/// Puts a root file system together: the program, what scenarios call, the libraries of all of them, and
/// the scenarios.
fn furnish(root: &Path) -> Result<(), String> {
    for folder in [
        "bin",
        "etc",
        "tmp",
        "run",
        "proc",
        "sys",
        "dev",
        "scenarios",
    ] {
        fs::create_dir(root.join(folder)).unwrap();
    }
    open(root, 0o755);
    open(&root.join("tmp"), 0o1777);
    let mut libraries = BTreeSet::new();
    put(
        Path::new(env!("CARGO_BIN_EXE_canal-sim")),
        root,
        &mut libraries,
    );
    for name in PROGRAMS {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
        let place = places.find(|place| place.is_file());
        let place = place.ok_or_else(|| format!("there is no program `{name}`"))?;
        put(&place, root, &mut libraries);
    }
    for library in libraries {
        let to = root.join(library.strip_prefix("/").unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&library, to).unwrap();
    }
    for name in shipped_names() {
        let file = PathBuf::from(name).with_extension("toml");
        fs::copy(shipped().join(&file), root.join("scenarios").join(&file)).unwrap();
    }
    Ok(())
}

/// Puts a program into /bin, and notes the libraries that it asks for; a static one has none.
fn put(program: &Path, root: &Path, libraries: &mut BTreeSet<PathBuf>) {
    let name = program.file_name().unwrap();
    fs::copy(program, root.join("bin").join(name)).unwrap();
    let needs = Command::new("ldd").arg(program).output().unwrap();
    let needs = String::from_utf8(needs.stdout).unwrap();
    let paths = needs
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    libraries.extend(paths.map(PathBuf::from));
}
