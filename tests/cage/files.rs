//! What a script sees, and where it writes.

use std::fs;
use std::path::PathBuf;

use super::As;
use super::attack::{OPEN, Step, attack, program, run, said, step};
use super::program::{Open, open};

/// A name that nothing else has.
pub fn own_name() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("canal-cage-{}-{next}", std::process::id())
}

pub fn writing(who: As) {
    let place = Open::new();
    let folder = place.folder.path().to_owned();
    // As weak as can be: everybody may write there.
    open(&folder, 0o777);
    let victim = folder.join("victim");
    fs::write(&victim, "untouched").unwrap();
    open(&victim, 0o666);
    let name = own_name();
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".into());
    let places = [
        "/tmp", "/var/tmp", "/dev/shm", "/run", &home, "/root", "/home", "/etc", "/",
    ];
    let mut script = OPEN.to_owned();
    script += &format!(
        "for f in {victim} {folder}/{name}; do open $f; done\n",
        victim = victim.display(),
        folder = folder.display()
    );
    for outside in ["/usr", "/usr/bin", "/bin", "/lib", "/.etc", "/proc", "/sys"] {
        script += &format!("open {outside}/{name}\n");
    }
    script += "open /bin/sh; open /etc/passwd; open /etc/ld.so.cache\n";
    // Its own are free, and gone with it.
    for own in places {
        script += &format!("(echo x > {own}/{name}) 2>/dev/null || true\n");
    }
    let before = listing(&home);
    let run = run(&place, &mut program(&place, who), &[step(&script)]);
    assert_eq!(said(&run), [""], "what could be opened");
    assert_eq!(fs::read(&victim).unwrap(), b"untouched");
    for own in places {
        let path = PathBuf::from(own).join(&name);
        assert!(!path.exists(), "{}", path.display());
    }
    assert!(!folder.join(&name).exists());
    assert_eq!(listing(&home), before);
}

fn listing(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

pub fn seeing(who: As) {
    let place = Open::new();
    let folder = place.folder.path().display().to_string();
    let script = format!(
        "ls {folder} 2>/dev/null || true; ls -A /tmp /run/* /home /root /var/tmp | grep -v : || true; pwd"
    );
    let run = run(&place, &mut program(&place, who), &[step(&script)]);
    assert_eq!(said(&run).remove(0).trim(), "/root");
}

pub fn switches(who: As) {
    let files = [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/vm/swappiness",
        "/proc/sys/fs/file-max",
        "/proc/sys/user/max_net_namespaces",
        "/proc/sysrq-trigger",
        "/proc/self/oom_score_adj",
        "/proc/1/oom_score_adj",
        "/sys/power/state",
        "/sys/kernel/uevent_helper",
        "/sys/module/printk/parameters/time",
        "/sys/class/net/lo/mtu",
        "/dev/kmsg",
        "/dev/mem",
    ];
    let mut script = OPEN.to_owned();
    for file in files {
        script += &format!("[ ! -e {file} ] || open {file}\n");
    }
    // Some of them are there, and the network's own can be written.
    script += "ls /proc/sys/kernel/core_pattern /proc/sys/vm/swappiness > /dev/null\n";
    script += "echo 1 > /proc/sys/net/ipv4/ip_forward; cat /proc/sys/net/ipv4/ip_forward";
    assert_eq!(attack(who, &script), "1\n");
}

pub fn mounts(who: As) {
    let text = attack(who, "cat /proc/self/mountinfo");
    let mut writable: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            fields[5]
                .split(',')
                .any(|option| option == "rw")
                .then_some(fields[4])
        })
        .collect();
    writable.sort_unstable();
    writable.dedup();
    assert_eq!(writable, ["/", "/etc", "/proc/sys/net"], "{text}");
    let lax = text
        .lines()
        .filter(|line| !line.contains("nosuid") && !line.contains(" /proc/sys/net "));
    assert_eq!(lax.collect::<Vec<_>>(), Vec::<&str>::new());
}

pub fn bounded(who: As) {
    let place = Open::new();
    let fill = "if head -c 80000000 /dev/zero > /tmp/fill; then echo filled; fi 2>/dev/null";
    let run = run(
        &place,
        &mut program(&place, who),
        &[step(fill), step("cat /etc/hostname; rm /tmp/fill")],
    );
    assert_eq!(said(&run), ["", "ip-10-0-0-4\n"]);
}

pub fn node(who: As) {
    let place = Open::new();
    let other = Step {
        on: "other",
        script: "ls /tmp; ls /proc | grep -c '^[0-9]' > /dev/null",
        keys: "",
    };
    let steps = [
        step("echo 1 > /tmp/here; sleep 3141 & echo $! > /run/pid"),
        step("cat /tmp/here; kill $(cat /run/pid)"),
        other,
    ];
    let run = run(&place, &mut program(&place, who), &steps);
    assert_eq!(said(&run), ["", "1\n", ""]);
}

/// What a script makes of the node's files is no reason for the run to break off.
pub fn spoilt(who: As) {
    let place = Open::new();
    let steps = [
        step("rm /etc/hosts; mkdir -p /etc/hosts/x/y"),
        step("grep -c ip-10-0-0-4 /etc/hosts; rm /etc/hosts; ln -s /tmp/elsewhere /etc/hosts"),
        step("grep -c ip-10-0-0-4 /etc/hosts; [ ! -e /tmp/elsewhere ]; chmod 0 /root"),
        step("pwd; chmod 700 /root"),
        step("pwd"),
    ];
    let run = run(&place, &mut program(&place, who), &steps);
    let counted = said(&run);
    assert_ne!(counted[1], "0\n");
    assert_ne!(counted[2], "0\n");
    assert_eq!(counted[3..], ["/\n", "/root\n"]);
}

/// Where there is no room left for the node's own files, the step fails that finds it so; others go on.
pub fn full(who: As) {
    let place = Open::new();
    let other = Step {
        on: "other",
        script: "echo lives",
        keys: "",
    };
    let fill = "rm /etc/hosts /etc/hostname /etc/resolv.conf
head -c 9000000 /dev/zero > /etc/x 2>/dev/null || true";
    let run = run(
        &place,
        &mut program(&place, who),
        &[step(fill), step("echo never"), other],
    );
    assert_eq!(run.code, Some(1), "{}", run.tale());
    let steps = run.steps();
    let of = |step: usize, key: &str| steps[step]["detail"][key].as_str().unwrap().to_owned();
    assert_eq!(of(1, "end"), "exit 126", "{:#}", steps[1]);
    assert_eq!(of(1, "stdout"), "");
    assert!(of(1, "stderr").contains("/etc/"), "{:#}", steps[1]);
    assert_eq!(of(2, "stdout"), "lives\n");
}

/// A container that hides parts of its `/proc` forbids another one: then nothing of it is shown.
pub fn hidden_proc(who: As) {
    let script = "ls -A /proc; ls /proc/sys
echo 1 > /proc/sys/net/ipv4/ip_forward; cat /proc/sys/net/ipv4/ip_forward";
    let place = Open::new();
    let mut command = match who {
        // Root may mount what it likes.
        As::Caller => place.same_user(),
        As::Somebody => place.in_its_own_mounts("mount -t tmpfs none /proc/irq"),
    };
    let said = said(&run(&place, &mut command, &[step(script)])).remove(0);
    match who {
        As::Caller => assert!(said.ends_with("\n1\n"), "{said}"),
        As::Somebody => assert_eq!(said, "sys\nnet\n1\n"),
    }
}
