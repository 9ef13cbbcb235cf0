use std::{fs, path::Path};

use duel_tests::recorded::{Kind, record};

use duel_models::picture::Picture;

use super::{
    curves,
    figures::{compared, figures},
    page::page,
    subject::{Scored, Shown, Subject, nearest, pick},
    well_formed::assert_well_formed,
};

fn subject(kind: Kind, dir: &Path) -> Subject {
    record(kind, dir);
    Subject::read(dir, &[]).expect("a run")
}

/// Returns the page of some runs after checks that hold for every page.
fn checked(subjects: &[Subject]) -> String {
    let page = page(subjects, "run of 1.5");
    assert_well_formed(&page);
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
    // The bytes of pictures are left out: any letters may occur in them.
    let told: String = page.split("base64,").map(|part| part.split_once('"').map_or(part, |(_, rest)| rest)).collect();
    for never in ["<script", "http://", "https://", "url(", "NaN", "inf\"", "\u{1b}", "\u{202e}"] {
        assert!(!told.contains(never), "{never:?}");
    }
    let levels: Vec<u32> = page.split("<h").skip(1).filter_map(|after| after.chars().next()?.to_digit(10)).collect();
    assert_eq!(levels[0], 1, "{levels:?}");
    assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "a level is left out: {levels:?}");
    assert_eq!(page.matches("<img").count(), page.matches(" alt=\"").count());
    assert_eq!(page.matches("<svg").count(), page.matches("role=\"img\" aria-label=\"").count());
    page
}

#[test]
fn any_run_gives_a_page() {
    let dir = tempfile::tempdir().expect("a directory");
    for (kind, expected) in [
        (Kind::Healthy, &["<td>done</td>", "14.25", "Step 20,000", "20,000 of 20,000", "the last of 4"][..]),
        (Kind::Killed, &["<td>crashed</td>", "10,000 of 20,000"]),
        (
            Kind::Collapsed,
            &["mode collapse", "one digit is 84 %", "--set discriminator.learning_rate=5e-5", "was warned"],
        ),
        (Kind::Diverged, &["with gaps", "the generator&#39;s loss is not finite"]),
        (Kind::HalfALine, &["<td>crashed</td>"]),
        (Kind::Resumed, &["resumed"]),
        (Kind::Hostile, &["evil\\u{1b}[2J", "\\u{202e}drawkcab"]),
        (Kind::Numbers, &["figure 1", "total variation", "Step 20,000"]),
    ] {
        let page = checked(&[subject(kind, &dir.path().join(format!("{kind:?}")))]);
        for expected in expected {
            assert!(page.contains(expected), "{kind:?}: {expected}");
        }
    }
    let empty = dir.path().join("empty");
    record(Kind::Empty, &empty);
    let error = Subject::read(&empty, &[]).expect_err("nothing in it").to_string();
    assert!(error.contains("empty: `duel runs`"), "{error}");
}

#[test]
fn what_is_missing_leaves_the_rest() {
    let dir = tempfile::tempdir().expect("a directory");
    record(Kind::Healthy, dir.path());
    for (remove, expected) in [
        ("samples/00000000.png", "Step 1,000"),
        ("samples", "No samples yet."),
        ("metrics.jsonl", "No metrics yet."),
        ("recipe.toml", "not known"),
    ] {
        let path = dir.path().join(remove);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("it is there");
        let page = checked(&[Subject::read(dir.path(), &[]).expect("a run")]);
        assert!(page.contains(expected), "{remove}: {expected}");
    }
    fs::create_dir(dir.path().join("samples")).expect("a directory");
    fs::write(dir.path().join("samples/00000500.png"), "no PNG").expect("a file");
    let page = checked(&[Subject::read(dir.path(), &[]).expect("a run")]);
    assert!(page.contains("0 lines and 1 samples could not be read"), "{page}");
}

#[test]
fn names_are_text() {
    let dir = tempfile::tempdir().expect("a directory");
    let name = "<script>alert(1)</script> & \"'";
    // A file name has no slash.
    let hostile = subject(Kind::Collapsed, &dir.path().join(name.replace('/', "|")));
    let shown = hostile.run.recipe.get("name");
    assert_eq!(shown.as_deref(), Some("digits"));
    let recipe =
        "name = \"<img src=x onerror=alert(1)>\"\nabout = \"</main></body>\"\n[data]\nsource = \"<a href='http:x'>\"\n";
    fs::write(dir.path().join(name.replace('/', "|")).join("recipe.toml"), recipe).expect("a recipe");
    let event = r#"{"time":1,"step":1,"event":"warning","what":"<b>","since":1,"evidence":"<i>&","remedy":"\"><u>"}"#;
    let scores = r#"{"time":1e300,"step":1,"event":"evaluation","scores":{"<s>":1e308,"frechet":-1e308}}"#;
    fs::write(dir.path().join(name.replace('/', "|")).join("events.jsonl"), format!("{event}\n{scores}\n"))
        .expect("events");
    let hostile = Subject::read(&dir.path().join(name.replace('/', "|")), &[]).expect("a run");
    let other = subject(Kind::Healthy, &dir.path().join("other"));
    for page in [checked(&[hostile]), checked(&[other])] {
        assert!(!page.contains("<b>") && !page.contains("<u>") && !page.contains("onerror=alert(1)>"));
    }
    let (mut files, place) = (Vec::new(), dir.path().join("figures"));
    let hostile = Subject::read(&dir.path().join(name.replace('/', "|")), &[]).expect("a run");
    figures(&hostile, &place, &mut files);
    assert!(files.len() > 3 && files.iter().all(|(path, _)| path.parent() == Some(&place)), "{files:?}");
}

#[test]
fn several_runs_stand_side_by_side() {
    let dir = tempfile::tempdir().expect("a directory");
    let kinds = [Kind::Healthy, Kind::Collapsed, Kind::Numbers];
    let mut subjects: Vec<Subject> = kinds.map(|kind| subject(kind, &dir.path().join(format!("{kind:?}")))).into();
    let picture = || Picture { width: 28, height: 28, channels: 1, pixels: vec![9; 28 * 28] };
    let scores = [("frechet".to_owned(), 0.755), ("label_accuracy".to_owned(), 0.997)];
    let scored = |judge: &str| Scored {
        judge: judge.into(),
        count: 10_000,
        tests: 10_000,
        scores: scores.clone().into(),
        real: [("frechet".to_owned(), 0.25)].into(),
    };
    let shown = |judge| Shown {
        step: 20_000,
        scored: Ok(scored(judge)),
        nearest: Ok((picture(), 5.25)),
        interpolation: picture(),
    };
    subjects[0].shown = Some(Ok(shown("digits 01")));
    subjects[2].shown = Some(Ok(shown("random features for tiles 02")));
    subjects[1].shown = Some(Err("no checkpoint & none".into()));
    let page = checked(&subjects);
    for expected in [
        "<h1>Healthy, Collapsed, Numbers</h1>",
        "<th scope=\"col\">Collapsed</th>",
        "<h3>Numbers</h3>",
        "<h4>mode collapse</h4>",
        "on average 5.25 apart",
        "Scores by digits 01",
        "Scores by random features for tiles 02",
        "<td class=\"number\">0.755</td><td class=\"number\">0.250</td><td>0</td>",
        "no checkpoint &amp; none",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
}

/// Records a run whose metrics have `new` in place of `old`.
fn changed(dir: &Path, old: &str, new: &str) -> Subject {
    record(Kind::Healthy, dir);
    let text = fs::read_to_string(dir.join("metrics.jsonl")).expect("metrics");
    assert!(text.contains(old), "{old}");
    fs::write(dir.join("metrics.jsonl"), text.replace(old, new)).expect("metrics");
    Subject::read(dir, &[]).expect("a run")
}

#[test]
fn several_runs_share_the_axes_of_each_chart() {
    let dir = tempfile::tempdir().expect("a directory");
    let above = subject(Kind::Killed, &dir.path().join("above"));
    let below = changed(&dir.path().join("below"), "\"g_loss\":", "\"g_loss\":-");
    let pairs = changed(&dir.path().join("pairs"), "\"d_gradient\":", "\"pairs_right\":0.75,\"d_gradient\":");
    let charts = curves::scalars(&[&above, &below, &pairs]);
    let charts: Vec<_> = charts.iter().flat_map(|panel| &panel.charts).collect();
    // A run with a negative value takes the logarithm from the charts of that value alone.
    for (file, logarithmic, runs) in [
        ("d_loss", true, "above below pairs"),
        ("g_loss", false, "above below pairs"),
        ("value", false, "above below pairs"),
        ("d_real", false, "above below"),
        ("d_fake", false, "above below"),
        ("pairs_right", false, "pairs"),
        ("d_gradient", true, "above below pairs"),
    ] {
        let figure = &charts.iter().find(|chart| chart.file == file).expect(file).figure;
        assert!(figure.words.contains("over 20,000 steps"), "all charts reach to the longest run: {}", figure.words);
        let found = (figure.words.contains("logarithmic"), figure.body.matches("<path").count());
        assert_eq!(found, (logarithmic, runs.split(' ').count()), "{file}");
        let legend: Vec<&str> = ["above", "below", "pairs"]
            .into_iter()
            .filter(|run| figure.body.contains(&format!(">{run}</text>")))
            .collect();
        assert_eq!(legend.join(" "), runs, "{file}");
    }
    let mut files = Vec::new();
    let said = compared(&[above, below], Path::new("docs"), &mut files);
    assert!(
        files.iter().any(|(path, _)| path == Path::new("docs/compared_d_loss.svg"))
            && said.contains("compared_value.svg")
    );
    for (path, bytes) in &files {
        assert_well_formed(std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("{} is text", path.display())));
    }
}

#[test]
fn distances_of_two_judges_have_two_charts() {
    let dir = tempfile::tempdir().expect("a directory");
    let evaluated = |name: &str, judge: &str| {
        let dir = dir.path().join(name);
        record(Kind::Killed, &dir);
        let line = |step: u64| {
            format!(
                "{{\"time\":1,\"step\":{step},\"event\":\"evaluation\",\"judge\":\"{judge}\",\"scores\":{{\"frechet\":{step}}}}}\n"
            )
        };
        fs::write(dir.join("events.jsonl"), line(1) + &line(2)).expect("events");
        Subject::read(&dir, &[]).expect("a run")
    };
    let [a, b, c] =
        [("a", "digits 01"), ("b", "tiles 02"), ("c", "digits 01")].map(|(name, judge)| evaluated(name, judge));
    let found: Vec<_> = curves::frechet(&[&a, &b, &c])
        .into_iter()
        .map(|(judge, figure)| (judge, figure.body.matches("<path").count()))
        .collect();
    assert_eq!(found, [("digits 01", 2), ("tiles 02", 1)]);
    let alone = curves::frechet(&[&a]);
    assert!(alone.len() == 1 && alone[0].1.body.contains("class=\"g\""), "{alone:?}");
}

#[test]
fn figures_are_files_of_their_own() {
    let dir = tempfile::tempdir().expect("a directory");
    for (kind, expected) in [
        (
            Kind::Healthy,
            &["run-losses.svg", "run-value.svg", "run-opinions.svg", "run-gradients.svg", "run-digits.png"][..],
        ),
        (
            Kind::Numbers,
            &["run-losses.svg", "run-value.svg", "run-opinions.svg", "run-gradients.svg", "run-figure-1.svg"],
        ),
    ] {
        let place = dir.path().join(format!("{kind:?}/run"));
        let subject = subject(kind, &place);
        let mut files = Vec::new();
        let said = figures(&subject, Path::new("docs"), &mut files);
        let names: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
        assert_eq!(names, expected.iter().map(|name| format!("docs/{name}")).collect::<Vec<_>>());
        assert!(expected.iter().all(|name| said.contains(name)), "{said}");
        for (path, bytes) in files.iter().filter(|(path, _)| path.extension().is_some_and(|ending| ending == "svg")) {
            assert_well_formed(std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("{} is text", path.display())));
        }
    }
}

#[test]
fn stages_begin_close_together() {
    let steps: Vec<u64> = (0..=78).map(|index| index * 1000).collect();
    assert_eq!(pick(&steps, 8), [0, 2_000, 7_000, 15_000, 26_000, 40_000, 58_000, 78_000]);
    assert_eq!(pick(&steps[..9], 8), [0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000]);
    assert_eq!(pick(&steps[..3], 8), [0, 1_000, 2_000]);
    assert!(pick(&[], 8).is_empty() && nearest(&[], &[5]).is_empty());
    assert_eq!(nearest(&steps, &[1_400, 1_300, 0, u64::MAX]), [0, 1_000, 78_000]);
    assert_eq!(pick(&[0, 1, 2, u64::MAX], 3), [0, 2, u64::MAX]);
}
