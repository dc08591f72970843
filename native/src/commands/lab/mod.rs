//! `packetwalk lab`: a world in network namespaces that stays, with real servers and real packets.
//!
//! **Left out**: labs on other machines, and labs of people who are not root.

mod change;
mod down;
mod exec;
mod list;
mod trace;
mod up;
mod watch;

use crate::output;
use std::process::ExitCode;

/// Build a world in network namespaces, with real servers, and send real packets in it (needs root)
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  sudo packetwalk lab up -f static/manifests/clusterip.yaml
  sudo packetwalk lab exec pod/client -- curl -s http://api
  sudo packetwalk lab trace --from pod/client --to http://api --compare
  sudo packetwalk lab apply -f changed.yaml
  sudo packetwalk lab down

Everything is in namespaces and a folder of the lab's own: /run/netns/pw-NAME-* and
/run/packetwalk/NAME. Nothing else on this machine is touched, and `lab down` leaves nothing.";

#[derive(Debug, clap::Subcommand)]
enum Command {
    Up(up::Arguments),
    Down(down::Arguments),
    List(list::Arguments),
    Exec(exec::Arguments),
    Apply(change::Apply),
    Delete(change::Delete),
    Kubectl(change::Kubectl),
    Trace(trace::Arguments),
    #[command(hide = true)]
    Keeper(up::Keeper),
}

/// Which lab is meant.
#[derive(Debug, Clone, clap::Args)]
struct Which {
    /// The name of the lab; not needed where there is only one
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Does what is asked for. The exit code is that of a command inside, where there is one.
pub fn run(arguments: &Arguments) -> ExitCode {
    let done = match &arguments.command {
        Command::Up(it) => up::run(it),
        Command::Down(it) => down::run(it).map(|()| 0),
        Command::List(it) => list::run(it).map(|()| 0),
        Command::Exec(it) => exec::run(it),
        Command::Apply(it) => change::apply(it),
        Command::Delete(it) => change::delete(it),
        Command::Kubectl(it) => change::kubectl(it),
        Command::Trace(it) => trace::run(it),
        Command::Keeper(it) => up::keep(it),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output::remark(&format!("packetwalk: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}
