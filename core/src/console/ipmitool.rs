//! ipmitool as a program of the workstation's shell: the way to a node's power switch.
//!
//! What `ipmitool` 1.8.19 prints of `chassis power`: the baseboard management controller of a node answers under the
//! node's name, whoever asks.
//!
//! **Left out**: everything that is not about power; `soft` and `cycle`, which take a running system's time.

use super::ground::Ground;
use crate::controllers::Fault;
use crate::shell::{Process, Program, Running};
use crate::tools::Stage;
use std::cell::RefCell;
use std::rc::Rc;

/// Options that take a word.
const WITH_WORD: [&str; 9] = ["-I", "-U", "-P", "-L", "-p", "-C", "-R", "-N", "-f"];

/// ipmitool, and the world whose nodes it switches.
pub(super) struct IpmiTool {
    pub(super) ground: Rc<RefCell<dyn Ground>>,
}

impl Program for IpmiTool {
    fn run(&self, process: Process) -> Running {
        let code = self.switch(&process);
        Box::pin(std::future::ready(code))
    }
}

impl IpmiTool {
    fn switch(&self, process: &Process) -> u8 {
        let Some((node, act)) = read(process.arguments()) else {
            process.complain("usage: ipmitool -H NODE [chassis] power status|on|off\n");
            return 1;
        };
        let cluster = Stage::cluster(&*self.ground.borrow());
        if !cluster.store().objects().nodes.contains_key(&node) {
            process.complain(&format!(
                "Address lookup for {node} failed\nError: Unable to establish IPMI v2 / RMCP+ session\n"
            ));
            return 1;
        }
        let is_on = !cluster.machines().nodes_down.contains_key(&node);
        match act {
            Act::Status => {
                let state = if is_on { "on" } else { "off" };
                process.print(&format!("Chassis Power is {state}\n"));
            }
            Act::On => {
                if !is_on {
                    self.ground.borrow_mut().suffer(Fault::NodeUp(node));
                }
                process.print("Chassis Power Control: Up/On\n");
            }
            Act::Off => {
                if is_on {
                    self.ground.borrow_mut().suffer(Fault::NodeDown(node));
                }
                process.print("Chassis Power Control: Down/Off\n");
            }
        }
        0
    }
}

/// What is to be done.
#[derive(Clone, Copy)]
enum Act {
    Status,
    On,
    Off,
}

fn read(words: &[String]) -> Option<(String, Act)> {
    let mut node = None;
    let mut command = Vec::new();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "-H" => node = Some(words.next()?.to_owned()),
            it if WITH_WORD.contains(&it) => _ = words.next()?,
            it if it.starts_with('-') => {}
            it => command.push(it),
        }
    }
    let command = match command.as_slice() {
        ["chassis", rest @ ..] => rest,
        whole => whole,
    };
    let act = match command {
        ["power", "status"] => Act::Status,
        ["power", "on"] => Act::On,
        ["power", "off"] => Act::Off,
        _ => return None,
    };
    Some((node?, act))
}
