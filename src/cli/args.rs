//! What can be said on the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// Builds SORACOM Canal and Gate and an AWS VPC out of network namespaces, runs scenarios on them
/// with real packets, and says why each packet arrived or did not.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXIT_STATUS)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  everything came out as expected
  1  some expectation failed
  2  a scenario or the command line is wrong
  3  this machine can't do it, or the run broke off
  130, 143  SIGINT or SIGTERM ended the run; the report says how far it came";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios
    Run(RunArguments),
    /// Check scenarios without running them
    Check(CheckArguments),
    /// Say what would become of a packet, hop by hop, and why, without sending it
    Explain(ExplainArguments),
    /// Say what this machine can and can't do
    Doctor(DoctorArguments),
}

/// `canal-sim run`.
#[derive(Args, Debug)]
pub struct RunArguments {
    /// Scenario files, and folders that are searched for *.toml
    #[arg(required = true, value_name = "FILE_OR_FOLDER")]
    pub paths: Vec<PathBuf>,
    /// Run only scenarios with this text in their title or file; * and ? stand for any text and any
    /// character, and then the whole title or file must match
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Stop at the first step that fails
    #[arg(long)]
    pub fail_fast: bool,
    /// Run this many scenarios side by side
    #[arg(long, short, value_name = "N", default_value = "1")]
    pub jobs: NonZeroUsize,
    /// Text for people on stderr, or events as JSON lines on stdout
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Write a JUnit report to this file too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// What carries the network out
    #[arg(long, value_enum, default_value_t = BackendChoice::Auto)]
    pub backend: BackendChoice,
    /// Refuse scenarios with `run` steps, unless the backend is memory, which executes nothing: for files from strangers
    #[arg(long)]
    pub no_exec: bool,
    /// What links draw chance from: in memory the same scenario and seed give the same run
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Capture what passes the links into this folder, a pcapng file for each scenario; on the memory backend
    #[arg(long, value_name = "FOLDER")]
    pub capture: Option<PathBuf>,
    /// Run everything twice on the memory backend, and fail where the events or the packets of the two differ
    #[arg(long)]
    pub check_determinism: bool,
    /// Show the evidence of steps that passed, and what the program does; twice for more
    #[arg(long, short, action = ArgAction::Count)]
    pub verbose: u8,
    /// Log everything to this file
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// When to use colours
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub color: ColorChoice,
}

/// `canal-sim check`.
#[derive(Args, Debug)]
pub struct CheckArguments {
    /// Scenario files, and folders that are searched for *.toml
    #[arg(required = true, value_name = "FILE_OR_FOLDER")]
    pub paths: Vec<PathBuf>,
    /// Text for people on stderr, or one JSON object per file on stdout
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// When to use colours
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub color: ColorChoice,
}

/// `canal-sim explain`.
#[derive(Args, Debug)]
#[command(after_help = MOMENTS)]
pub struct ExplainArguments {
    /// The scenario file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Who asks: a SIM, an instance, pc or internet
    #[arg(
        long,
        value_name = "NODE",
        requires = "to",
        required_unless_present = "all"
    )]
    pub from: Option<String>,
    /// Who is asked: a node, one of SORACOM's endpoints (pong, metadata, dns, ntp), or an address
    #[arg(
        long,
        value_name = "NODE_OR_ADDRESS",
        requires = "from",
        required_unless_present = "all"
    )]
    pub to: Option<String>,
    /// Every node asks every other: who reaches whom
    #[arg(long, conflicts_with_all = ["from", "to"])]
    pub all: bool,
    /// How it is asked.
    #[command(flatten)]
    pub how: How,
    /// Bytes of payload of the ping
    #[arg(long, value_name = "BYTES", default_value = "56", conflicts_with_all = ["tcp", "udp"],
          value_parser = clap::value_parser!(u16).range(..=65_507))]
    pub size: u16,
    /// The ping must not be fragmented
    #[arg(long, conflicts_with_all = ["tcp", "udp"])]
    pub df: bool,
    /// The moment: after this step; before the first one where nothing is said
    #[arg(long, value_name = "STEP")]
    pub after: Option<String>,
    /// What has changed from the first moment to the second
    #[arg(long, value_names = ["STEP", "STEP"], num_args = 2, conflicts_with = "after")]
    pub diff: Vec<String>,
    /// Text for people, or one JSON object, on stdout
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// When to use colours
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub color: ColorChoice,
}

const MOMENTS: &str = "\
A STEP goes by its name, by its number as in '#7', or as 'start': before the first step, where what \
the tables declare stands and every SIM is connected that should be.";

/// How it is asked.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct How {
    /// Open a TCP connection to this port
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub tcp: Option<u16>,
    /// Send a UDP datagram to this port
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub udp: Option<u16>,
    /// Send an ICMP echo request
    #[arg(long)]
    pub ping: bool,
}

/// `canal-sim doctor`.
#[derive(Args, Debug)]
pub struct DoctorArguments {
    /// Text for people, or one JSON object
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// When to use colours
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub color: ColorChoice,
}

/// For whom the output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
}

/// What carries the network out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendChoice {
    /// The kernel where this machine allows it, else memory
    Auto,
    /// Network namespaces of the Linux kernel
    Kernel,
    /// In memory, on virtual time: no privileges, any operating system
    Memory,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Command {
    /// When to use colours.
    pub fn color(&self) -> ColorChoice {
        match self {
            Self::Run(arguments) => arguments.color,
            Self::Check(arguments) => arguments.color,
            Self::Explain(arguments) => arguments.color,
            Self::Doctor(arguments) => arguments.color,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
