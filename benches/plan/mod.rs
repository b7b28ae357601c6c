//! What a run is to do, from the command line, and how much of it.

use std::time::Duration;

pub const USAGE: &str = "\
usage: cargo bench [-- [--quick] [--check] [--write-docs] [--list] [NAME...]]

  NAME          only the measurements whose names contain one of these
  --quick       few rounds: for a check that everything works, and for CI
  --check       exit status 1 if a budget is exceeded, or if our builds could not do it
  --write-docs  write benches/results.md, benches/ratios.svg and README.md's figures
  --list        print the names of the measurements
";

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Action {
    #[default]
    Measure,
    List,
    Help,
}

#[derive(Default)]
pub struct Plan {
    pub action: Action,
    pub names: Vec<String>,
    pub quick: bool,
    pub check: bool,
    pub write_docs: bool,
    /// The command that was given, for the report.
    pub command: String,
}

impl Plan {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        // Cargo adds --bench.
        let arguments: Vec<_> = arguments.filter(|argument| argument != "--bench").collect();
        let separator = if arguments.is_empty() { "" } else { " -- " };
        let command = format!("cargo bench{separator}{}", arguments.join(" "));
        let mut plan = Self { command, ..Self::default() };
        for argument in arguments {
            match argument.as_str() {
                "--quick" => plan.quick = true,
                "--check" => plan.check = true,
                "--write-docs" => plan.write_docs = true,
                "--list" => plan.action = Action::List,
                "--help" => plan.action = Action::Help,
                option if option.starts_with('-') => return Err(format!("no option {option}")),
                _ => plan.names.push(argument),
            }
        }
        if plan.write_docs && !plan.names.is_empty() {
            return Err("--write-docs takes no NAME: what is left out would be gone".to_owned());
        }
        if plan.write_docs && plan.quick {
            return Err("--write-docs takes no --quick: its figures are too rough".to_owned());
        }
        Ok(plan)
    }

    pub fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|part| name.contains(part.as_str()))
    }

    pub fn effort(&self) -> Effort {
        if self.quick { QUICK } else { FULL }
    }
}

/// How much is measured. A limit ends the rounds early on a slow machine.
#[derive(Clone, Copy)]
pub struct Effort {
    pub time_rounds: usize,
    pub time_limit: Duration,
    pub late_rounds: usize,
    pub memory_rounds: usize,
    /// How many wait at once.
    pub crowds: &'static [usize],
    pub crowd_rounds: usize,
    pub crowd_limit: Duration,
    pub loopers: usize,
    pub loop_time: Duration,
    pub loop_rounds: usize,
    pub count_rounds: usize,
}

const FULL: Effort = Effort {
    time_rounds: 3000,
    time_limit: Duration::from_secs(45),
    late_rounds: 60,
    memory_rounds: 21,
    crowds: &[1000, 5000],
    crowd_rounds: 3,
    crowd_limit: Duration::from_secs(100),
    loopers: 64,
    loop_time: Duration::from_secs(3),
    loop_rounds: 3,
    count_rounds: 2,
};

const QUICK: Effort = Effort {
    time_rounds: 200,
    time_limit: Duration::from_secs(4),
    late_rounds: 5,
    memory_rounds: 7,
    crowds: &[100],
    crowd_rounds: 1,
    crowd_limit: Duration::from_secs(15),
    loopers: 64,
    loop_time: Duration::from_millis(300),
    loop_rounds: 1,
    count_rounds: 1,
};
