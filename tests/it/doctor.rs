//! What the machine can carry: that it is said, that a scenario too large for it is refused by what is short, and how.

use serde_json::Value;

use crate::support::{put, scratch, wsbench};

#[test]
fn a_machine_is_described_within_eighty_columns_and_the_remedies_whole() {
    let finished = wsbench(["doctor"]).env("PATH", "").run();
    let text = &finished.expect(0).stdout;
    for what in ["open files", "local ports", "memory", "cores", "timers", "idle clients", "deliveries/s"] {
        assert!(text.contains(what), "no {what:?} in {text}");
    }
    assert!(text.contains("look  Redis") && text.contains("$ apt-get install redis-server\n"), "{text}");
    let wide = text.lines().filter(|line| line.chars().count() > 80 && !line.trim_start().starts_with('$'));
    assert_eq!(wide.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_scenario_that_cannot_be_carried_is_told_by_what_is_short() {
    let directory = scratch();
    let scenario = |clients: u32| {
        format!(
            "name = \"crowd\"\n[run]\nwarm_up = \"0s\"\nduration = \"1s\"\ndrain = \"0s\"\n[server]\n[[clients]]\n\
             name = \"many\"\ncount = {clients}\n"
        )
    };
    let doctor = |clients: u32, code: i32| {
        let path = put(&directory, "crowd.toml", &scenario(clients));
        let finished = wsbench(["doctor", "--format", "json", "--scenario", &path]).run();
        serde_json::from_str::<Value>(&finished.expect(code).stdout).unwrap()
    };
    let short = |told: &Value| -> Vec<String> {
        let findings = told["scenario"]["findings"].as_array().unwrap().clone();
        let short = findings.iter().filter(|found| found["verdict"] == "short");
        short.map(|found| found["what"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(short(&doctor(10, 0)), [""; 0]);
    // As many as no process can have open files for, where the limit is one.
    let (_, hard) = rlimit::Resource::NOFILE.get().unwrap();
    let told = doctor(u32::try_from(hard.min(900_000)).unwrap(), 3);
    assert!(short(&told).contains(&"its open files".to_owned()) || hard > 900_000, "{told}");
    assert_eq!(told["exit_code"], 3);
}

#[test]
fn a_scenario_that_is_not_valid_is_a_usage_error() {
    wsbench(["doctor", "--scenario", "nowhere.toml"]).run().expect(2).says(&["nowhere.toml"]);
}
