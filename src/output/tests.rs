use super::*;
use crate::report::sample::{HELD, outcome, report, storm, stormy};
use crate::report::{Broker, read};

fn made(kind: &Kind, report: &Report) -> String {
    let mut bytes = Vec::new();
    (kind.write)(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn every_kind_writes_its_file_also_after_another_has_failed() {
    let directory = tempfile::tempdir().unwrap();
    let report = report(&outcome(), Broker::Redis, HELD);
    let file = |name: &str| directory.path().join(name);
    let mut requests = vec![Request { kind: &OUTPUTS[0], path: file("no/such/place") }];
    requests.extend(OUTPUTS.iter().map(|kind| Request { kind, path: file(kind.name) }));
    let (written, failed) = write_all(&requests, &report);
    let paths: Vec<PathBuf> = written.iter().map(|written| written.path.clone()).collect();
    assert_eq!(paths, OUTPUTS.iter().map(|kind| file(kind.name)).collect::<Vec<_>>());
    assert!(failed[0].to_string().contains("no/such/place"), "{}", failed[0]);
    for file in written {
        assert_eq!(std::fs::metadata(&file.path).unwrap().len(), file.bytes);
        // A run of which all is well is annotated nowhere.
        assert!(file.bytes > 0 || file.path.ends_with("github"), "{} is empty", file.path.display());
    }
}

#[test]
fn a_saved_result_gives_the_same_in_every_format() {
    for outcome in [outcome(), stormy(vec![storm()])] {
        let fresh = report(&outcome, Broker::Redis, HELD);
        let saved = read(&made(Report::kind("json").unwrap(), &fresh)).unwrap();
        assert_eq!(saved, fresh);
        for kind in OUTPUTS {
            assert_eq!(made(kind, &saved), made(kind, &fresh), "{}", kind.name);
        }
    }
}

#[test]
fn an_output_is_asked_for_as_kind_and_file() {
    let request = Request::<Report>::parse("json=a=b.json").unwrap();
    assert_eq!((request.kind.name, request.path.to_str()), ("json", Some("a=b.json")));
    assert_eq!(Request::<Report>::parse("json").unwrap_err(), RequestError::Shape);
    assert_eq!(Request::<Report>::parse("json=").unwrap_err(), RequestError::Shape);
    let unknown = Request::<Report>::parse("jsn=x").unwrap_err().to_string();
    assert_eq!(unknown, "no output is called `jsn`: did you mean `json`?");
}
