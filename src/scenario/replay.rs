//! A scenario up to a moment, on the pure clouds: what `run` does, without a network.

use std::time::Duration;

use super::machines::Machines;
use super::{Course, DoStep, Moment, ProbeStep, RunStep, Scenario, Step, StepKind};
use super::{links, target};
use crate::guest::Guests;

/// What stands at a moment.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The clouds and their clock.
    pub course: Course,
    /// The machines: what the clouds gave them, what is declared to listen, and what scripts did.
    pub guests: Guests,
}

/// Why the moment can't be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The tables declare what the services refuse.
    #[error("the tables declare what is refused: {0}")]
    Tables(String),
    /// A step can't be carried out, or does not come out as it says.
    #[error("step {number}, {name:?}, can't be carried out: {why}")]
    Step {
        /// The step's number, from 1.
        number: usize,
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
}

/// Carries out the steps up to a moment. What a probe measures is not asked: whatever comes of it, the
/// steps after it are carried out all the same.
///
/// # Errors
///
/// A step's action is refused where it should succeed, or the other way round, or a name in it stands
/// for nothing.
pub fn replay(scenario: &Scenario, moment: Moment) -> Result<Replayed, ReplayError> {
    let course = Course::start(scenario).map_err(|errors| {
        let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
        ReplayError::Tables(messages.join("; "))
    })?;
    let mut replay = Replay {
        scenario,
        machines: Machines::default(),
        course,
    };
    let steps = scenario.steps.iter().take(moment.steps());
    for (number, step) in (1..).zip(steps) {
        replay.step(step).map_err(|why| ReplayError::Step {
            number,
            name: step.name.clone(),
            why,
        })?;
    }
    let guests = replay.machines.all(&replay.course.cloud, scenario);
    Ok(Replayed {
        course: replay.course,
        guests,
    })
}

struct Replay<'s> {
    scenario: &'s Scenario,
    course: Course,
    machines: Machines,
}

impl Replay<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        match &step.kind {
            StepKind::Do(act) => self.repeat(step, |replay| replay.act(act)),
            StepKind::Probe(probe) => {
                self.probe(probe);
                Ok(())
            }
            StepKind::Run(run) => self.repeat(step, |replay| replay.run(run)),
            StepKind::Wait(time) => self.repeat(step, |replay| {
                replay.course.wait(*time);
                replay.machines.follow(&replay.course.cloud);
                Ok(())
            }),
            StepKind::Link(step) => {
                let link = links::find(&step.link.value, &self.course.cloud);
                let link = link.map_err(|why| why.to_string())?;
                self.course.links.change(&link, &step.change);
                Ok(())
            }
            StepKind::Check(list) => {
                let Some(bound) = step.eventually else {
                    return Ok(());
                };
                let mut waited = Duration::ZERO;
                while !self.course.differences(list).is_empty() {
                    let Some(next) = self.course.patience(waited, bound) else {
                        break;
                    };
                    waited += next;
                    self.course.wait(next);
                    self.machines.follow(&self.course.cloud);
                }
                Ok(())
            }
        }
    }

    fn repeat(
        &mut self,
        step: &Step,
        mut once: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        // What may take a while until it passes is carried out until it passed once.
        let times = if step.eventually.is_some() {
            1
        } else {
            step.repeat
        };
        (0..times).try_for_each(|_| once(self))
    }

    fn act(&mut self, step: &DoStep) -> Result<(), String> {
        let action = step
            .action(&self.scenario.source, &self.course.cloud)
            .map_err(|errors| {
                let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
                messages.join("; ")
            })?;
        let operation = &step.operation.value;
        let expected = step.error.as_ref().map(|code| code.value.as_str());
        match (self.course.act(&action), expected) {
            (Ok(_), None) => {
                self.machines.follow(&self.course.cloud);
                Ok(())
            }
            (Err(refusal), Some(code)) if refusal.code == code => Ok(()),
            (Ok(_), Some(code)) => Err(format!(
                "{operation} succeeds here, it does not fail with {code}"
            )),
            (Err(refusal), _) => Err(format!(
                "{} refuses {operation} with {refusal}",
                refusal.service
            )),
        }
    }

    /// Traffic keeps sessions alive. A probe whose names stand for nothing is not sent.
    fn probe(&mut self, step: &ProbeStep) {
        let cloud = &self.course.cloud;
        let Ok(from) = target::node(&step.from.value, cloud) else {
            return;
        };
        let Ok(to) = step.to.resolve(cloud) else {
            return;
        };
        if let Ok(to) = target::destination(&from, &to, cloud) {
            self.course.touch(&from, to);
        }
    }

    fn run(&mut self, step: &RunStep) -> Result<(), String> {
        let cloud = &self.course.cloud;
        let node = target::node(&step.on.value, cloud).map_err(|why| why.to_string())?;
        let script = step.script.resolve(cloud).map_err(|wrong| wrong.message)?;
        let script = (script.as_str(), step.exit);
        self.machines.run(node, script, cloud, self.scenario);
        Ok(())
    }
}

impl Scenario {
    /// The number of the first step that makes something of this name.
    pub fn made_by(&self, name: &str) -> Option<usize> {
        let makes = |step: &Step| match &step.kind {
            StepKind::Do(act) => act.creates() == Some(name),
            _ => false,
        };
        self.steps.iter().position(makes).map(|index| index + 1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::cloud::aws::InstanceId;
    use crate::cloud::soracom::SimId;
    use crate::scenario::NodeName;

    /// A server in a VPC, a VPG, a SIM, and these steps.
    fn scenario(steps: &str) -> Scenario {
        let tables = "[aws.vpc.customer]\ncidr = \"10.0.0.0/16\"\n\
             [aws.subnet.public]\nvpc = \"customer\"\ncidr = \"10.0.0.0/24\"\n\
             [aws.instance.server]\nsubnet = \"public\"\n\
             serve = [{ http = 80, body = \"hello\" }, { udp = 7 }]\n\
             [soracom.vpg.vpg]\ntype = \"F\"\n\
             [soracom.group.canal]\nvpg = \"vpg\"\n\
             [soracom.sim.sensor]\ngroup = \"canal\"\n";
        crate::scenario::read("test.toml", format!("{tables}{steps}").as_bytes())
            .unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    fn all(steps: &str) -> Result<Replayed, ReplayError> {
        let scenario = scenario(steps);
        replay(&scenario, Moment::After(scenario.steps.len()))
    }

    fn value(replayed: &Replayed, path: &str) -> String {
        replayed.course.cloud.value(path).unwrap()
    }

    #[test]
    fn only_the_steps_up_to_the_moment_count() {
        let steps = "[[step]]\ndo = \"openGate\"\nvpg = \"vpg\"\n\
             [[step]]\ndo = \"closeGate\"\nvpg = \"vpg\"\n";
        let scenario = scenario(steps);
        for (moment, open) in [
            (Moment::Start, "false"),
            (Moment::After(1), "true"),
            (Moment::After(2), "false"),
        ] {
            let replayed = replay(&scenario, moment).unwrap();
            assert_eq!(value(&replayed, "vpg.gate_open"), open, "{moment}");
        }
    }

    #[test]
    fn the_clock_goes_on_as_in_a_run() {
        let idle = "[[step]]\nwait = \"59min\"\n[[step]]\nwait = \"59min\"\n";
        assert_eq!(value(&all(idle).unwrap(), "sensor.online"), "false");
        // Traffic keeps the session alive.
        let used = "[[step]]\nwait = \"59min\"\n\
             [[step]]\nfrom = \"sensor\"\nto = \"pong\"\nexpect = { ping = true }\n\
             [[step]]\nwait = \"59min\"\n";
        assert_eq!(value(&all(used).unwrap(), "sensor.online"), "true");
        let repeated = "[[step]]\nwait = \"20min\"\nrepeat = 3\n";
        assert_eq!(value(&all(repeated).unwrap(), "sensor.online"), "false");
    }

    #[test]
    fn a_check_that_may_come_right_waits_no_longer_than_it_must() {
        let steps = "[[step]]\ndo = \"createVirtualPrivateGateway\"\nas = \"other\"\ntype = \"F\"\n\
             [[step]]\ncheck = { \"other.status\" = \"running\" }\neventually = \"1h\"\n";
        let replayed = all(steps).unwrap();
        assert_eq!(value(&replayed, "other.status"), "running");
        assert_eq!(value(&replayed, "sensor.online"), "true");
    }

    #[test]
    fn a_refusal_is_as_expected_or_an_error() {
        let expected = "[[step]]\ndo = \"connect\"\nsim = \"sensor\"\nerror = \"SEM4003\"\n";
        assert!(all(expected).is_ok());
        // Reading finds what can't come right; what may in time, only this does.
        let in_time = "[[step]]\ndo = \"connect\"\nsim = \"sensor\"\neventually = \"1s\"\n";
        assert_eq!(
            all(in_time).unwrap_err().to_string(),
            "step 1, \"connect\", can't be carried out: SORACOM refuses connect with SEM4003: SIM \
             sensor is online already; reconnect it to get a new session"
        );
    }

    fn server() -> NodeName {
        NodeName::Instance(InstanceId::new("server"))
    }

    fn forwards(replayed: &Replayed) -> bool {
        replayed.guests[&server()].forwarding
    }

    const FORWARD: &str = "[[step]]\non = \"server\"\nrun = \"sysctl -w net.ipv4.ip_forward=1\"\n";

    #[test]
    fn what_scripts_did_lasts_until_the_machine_starts_again() {
        assert!(!forwards(&all("").unwrap()));
        assert!(forwards(&all(FORWARD).unwrap()));
        let reboot = "[[step]]\ndo = \"RebootInstances\"\ninstance = \"server\"\n";
        assert!(!forwards(&all(&format!("{FORWARD}{reboot}")).unwrap()));
        let stop = "[[step]]\ndo = \"StopInstances\"\ninstance = \"server\"\n";
        let start = "[[step]]\ndo = \"StartInstances\"\ninstance = \"server\"\n";
        let stopped = all(&format!("{FORWARD}{stop}")).unwrap();
        assert!(!stopped.guests.contains_key(&server()));
        assert!(!forwards(&all(&format!("{FORWARD}{stop}{start}")).unwrap()));
    }

    #[test]
    fn a_device_starts_anew_with_its_session() {
        let typed = "[[step]]\non = \"sensor\"\nrun = \"sysctl -w net.ipv4.ip_forward=1\"\n";
        let again = "[[step]]\nwait = \"1s\"\n[[step]]\ndo = \"reconnect\"\nsim = \"sensor\"\n";
        let sensor = NodeName::Sim(SimId::new("sensor"));
        let forwards = |steps: &str| all(steps).unwrap().guests[&sensor].forwarding;
        assert!(forwards(typed));
        assert!(!forwards(&format!("{typed}{again}")));
    }

    #[test]
    fn what_is_declared_to_listen_does_and_nothing_else() {
        let replayed = all("").unwrap();
        let listens = |node: &NodeName| -> Vec<u16> {
            replayed.guests[node]
                .listens
                .iter()
                .map(|listen| listen.port)
                .collect()
        };
        assert_eq!(listens(&server()), [80, 7]);
        assert_eq!(listens(&NodeName::Pc), [] as [u16; 0]);
        assert_eq!(listens(&NodeName::Internet), [53]);
    }

    #[test]
    fn a_script_that_ends_otherwise_casts_doubt() {
        let fails = "[[step]]\non = \"server\"\nrun = \"ip link set nothing up\"\n";
        let doubts = |steps: &str| all(steps).unwrap().guests[&server()].doubts.clone();
        assert_eq!(
            doubts(fails).into_iter().collect::<Vec<_>>(),
            ["a script that ends with exit 1 here, not 0: Cannot find device \"nothing\""]
        );
        assert!(doubts(&format!("{fails}exit = 1\n")).is_empty());
    }

    #[test]
    fn who_makes_what_is_known() {
        let steps = "[[step]]\nwait = \"1s\"\n\
             [[step]]\ndo = \"registerSim\"\nas = \"late\"\n";
        assert_eq!(scenario(steps).made_by("late"), Some(2));
        assert_eq!(scenario(steps).made_by("sensor"), None);
    }
}
