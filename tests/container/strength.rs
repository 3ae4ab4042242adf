//! What a container may do, and what the program shall make of it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::engine::Image;
use crate::program::{Run, shipped_names};

/// A way to start a container, as docs/ci.md offers it.
pub struct Strength {
    pub name: &'static str,
    /// The heading in docs/ci.md under which its options stand.
    section: &'static str,
    pub options: &'static [&'static str],
    /// The backend that `--backend auto` must take.
    pub backend: &'static str,
}

/// From the strongest to the weakest.
pub static STRENGTHS: [Strength; 5] = [
    Strength {
        name: "privileged",
        section: "Privileged",
        options: &["--privileged"],
        backend: "kernel",
    },
    Strength {
        name: "two_capabilities",
        section: "Two capabilities",
        options: &[
            "--cap-add=SYS_ADMIN",
            "--cap-add=NET_ADMIN",
            "--security-opt=apparmor=unconfined",
        ],
        backend: "kernel",
    },
    Strength {
        name: "least_capabilities",
        section: "Two capabilities",
        options: &[
            "--cap-drop=ALL",
            "--cap-add=SYS_ADMIN",
            "--cap-add=NET_ADMIN",
            "--cap-add=NET_RAW",
            "--cap-add=SYS_CHROOT",
            "--security-opt=apparmor=unconfined",
            "--security-opt=no-new-privileges",
            "--read-only",
        ],
        backend: "kernel",
    },
    Strength {
        name: "user_namespace",
        section: "User namespace",
        options: &[
            "--cap-drop=ALL",
            "--user=1000:1000",
            "--security-opt=seccomp=unconfined",
            "--security-opt=apparmor=unconfined",
            "--security-opt=systempaths=unconfined",
            "--read-only",
        ],
        backend: "kernel",
    },
    Strength {
        name: "unprivileged",
        section: "Unprivileged",
        options: &[
            "--cap-drop=ALL",
            "--user=1000:1000",
            "--security-opt=no-new-privileges",
            "--read-only",
        ],
        backend: "memory",
    },
];

/// docs/ci.md names the options that are tested here, and tests hold what it says.
pub fn documented() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md");
    let page = fs::read_to_string(page).unwrap();
    for strength in &STRENGTHS {
        let heading = format!("\n### {}\n", strength.section);
        let (_, section) = page.split_once(&heading).expect("the section is there");
        let section = section.split("\n### ").next().unwrap_or_default();
        // One command a block, less the line breaks in it.
        let commands: Vec<String> = section
            .split("```")
            .map(|block| block.replace("\\\n", " "))
            .filter(|block| block.starts_with("sh\ndocker run"))
            .collect();
        let has = |command: &String| {
            let mut options = strength.options.iter();
            options.all(|option| command.contains(&option.replacen('=', " ", 1)))
        };
        assert!(commands.iter().any(has), "{}: {commands:#?}", strength.name);
    }
}

impl Strength {
    /// All shipped scenarios pass in such a container, on the backend that it allows, and `doctor` says
    /// beforehand which that is.
    pub fn hold(&self, image: &Image) {
        let doctor = image.run(self, &["/bin/canal-sim", "doctor", "--format", "json"]);
        let told = String::from_utf8_lossy(&doctor.stdout);
        let health: Value = serde_json::from_str(&told).unwrap_or_else(|error| {
            panic!("{error}: {told}{}", String::from_utf8_lossy(&doctor.stderr))
        });
        assert_eq!(health["ready"], self.backend == "kernel", "{health:#}");

        let options = ["--jobs", "4", "--format", "json"];
        let command = ["/bin/canal-sim", "run", "/scenarios"];
        let run = Run::read(&image.run(self, &[&command[..], &options].concat()));
        let started = run.all("run-started");
        assert_eq!(started.len(), 1, "{}", run.tale());
        assert_eq!(started[0]["backend"], self.backend, "{}", run.tale());
        let scenarios = run.all("scenario-finished");
        assert_eq!(scenarios.len(), shipped_names().len(), "{}", run.tale());
        for step in run.steps() {
            assert_eq!(step["status"], "passed", "{}", run.tale());
        }
        assert_eq!(run.code, Some(0), "{}", run.tale());
    }
}
