//! `-v` and `--log`: what the program does, for those who look into it.

use std::fs::File;
use std::io;
use std::path::Path;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

/// Starts logging: warnings to stderr, with `-v` what happens, with `-vv` details; to the file, if one
/// is given, every detail. Of other crates only warnings go to stderr.
///
/// # Errors
///
/// Where the file can't be made.
pub fn start(verbose: u8, file: Option<&Path>, color: bool) -> io::Result<()> {
    let level = match verbose {
        0 => Level::WARN,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    let ours = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target(env!("CARGO_CRATE_NAME"), level);
    let people = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(color)
        .without_time()
        .with_target(false)
        .with_filter(ours);
    let file = file.map(File::create).transpose()?.map(|file| {
        fmt::layer()
            .with_writer(std::sync::Mutex::new(file))
            .with_ansi(false)
            .with_filter(LevelFilter::DEBUG)
    });
    // A subscriber that stands already, in a test for instance, stays.
    registry().with(people).with(file).try_init().ok();
    Ok(())
}
