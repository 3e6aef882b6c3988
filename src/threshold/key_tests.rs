use super::*;

fn names() -> Names {
    Names {
        groups: vec!["listeners".to_owned()],
        publishes: vec!["chat".to_owned()],
        requests: vec!["history".to_owned()],
        incidents: vec!["storm".to_owned()],
        ..Names::default()
    }
}

fn wrong(key: &str) -> (String, String, Option<String>) {
    let misread = Expression::parse(key, &names()).unwrap_err();
    (key[misread.span].to_owned(), misread.problem.to_string(), misread.nearest)
}

#[test]
fn every_metric_can_be_named() {
    for metric in METRICS {
        let key = match metric.kind {
            Kind::Counter => metric.name.to_owned(),
            Kind::Histogram => format!("{}.p99_9", metric.name),
        };
        assert!(Expression::parse(&key, &names()).is_ok(), "{key}");
    }
}

#[test]
fn selectors_and_ratios_are_read() {
    let key = "delivery.p99{hop=cross, publish = chat}";
    let Expression::One(quantity) = Expression::parse(key, &names()).unwrap() else { panic!("not one") };
    assert_eq!(quantity.statistic, Statistic::Quantile(0.99));
    let labels: Vec<_> = quantity.selector.iter().map(|(key, value)| (key.name(), value.as_str())).collect();
    assert_eq!(labels, [("hop", "cross"), ("publish", "chat")]);
    let ratio = Expression::parse("deliveries.lost{publish=chat} / deliveries.due{publish=chat}", &names());
    assert_eq!(ratio.unwrap().dimension(), Dimension::Ratio);
    assert!(Expression::parse("errors{kind=http_503}", &names()).is_ok());
    assert!(Expression::parse("delivery.p99{phase=after:storm}", &names()).is_ok());
    assert!(Expression::parse("reconnect.never{phase=during:incident-2}", &names()).is_ok());
    assert!(Expression::parse("delivery.p99{instance=whatever}", &names()).is_ok());
    assert!(Expression::parse("deliveries.delivered.rate", &names()).is_ok());
}

#[test]
fn a_wrong_name_is_pointed_at_with_the_right_one() {
    let cases: &[(&str, &str, &str, Option<&str>)] = &[
        ("delivry.p99", "delivry", "no metric is called", Some("delivery")),
        ("deliveries.lots", "deliveries.lots", "no metric is called", Some("deliveries.lost")),
        ("xyzzy", "xyzzy", "no metric is called", None),
        ("delivery", "delivery", "is a distribution", Some("delivery.p99")),
        ("delivery.p98", "p98", "has no `p98`", Some("p99")),
        ("delivery.p99.9", "p99.9", "has no `p99.9`", Some("p99_9")),
        ("deliveries.lost.p99", "p99", "is a counter", None),
        ("delivery.p99{hops=cross}", "hops", "only hop, to", Some("hop")),
        ("deliveries.lost{hop=cross}", "hop", "has no label `hop`", Some("to")),
        ("delivery.p99{phase=during:strom}", "during:strom", "no phase is called", Some("during:storm")),
        ("bytes.sent{hop=same}", "hop", "only phase", None),
        ("delivery.p99{hop=corss}", "corss", "no hop is called", Some("cross")),
        ("ack.p99{publish=caht}", "caht", "no publish is called", Some("chat")),
        ("request.p99{request=histroy}", "histroy", "no request is called", Some("history")),
        ("requests.failed{reason=refuse}", "refuse", "no reason is called", Some("refused")),
        ("requests.sent{publish=chat}", "publish", "has no label `publish`", None),
        ("ack.p99{group=listener}", "listener", "no group is called", Some("listeners")),
        ("delivery.p99{hop}", "hop", "expected label=value", None),
        ("delivery.p99{hop=same", "{hop=same", "expected a `}`", None),
        ("delivery.p99{hop=same,hop=cross}", "hop=cross", "given twice", None),
        ("errors{kind=htp_503}", "htp_503", "no kind is called", None),
        ("delivery.p99 / deliveries.due", "delivery.p99 / deliveries.due", "have no ratio", None),
        ("deliveries.lost / deliveries.deu", "deliveries.deu", "no metric", Some("deliveries.due")),
    ];
    for (key, part, says, meant) in cases {
        let (span, problem, nearest) = wrong(key);
        assert_eq!((span.as_str(), nearest.as_deref()), (*part, *meant), "{key}: {problem}");
        assert!(problem.contains(says), "{key}: {problem}");
    }
}
