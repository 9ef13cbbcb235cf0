//! The page's sections, each for all runs side by side.

use std::collections::{BTreeMap, BTreeSet};

use duel_trainer::{
    recipe::Recipe,
    run::{reader::Facts, record::What, story::showable},
};
use jiff::Timestamp;

use super::{
    Subject, curves,
    html::{Cell, columns, details, escape, figure, paragraph, picture, row, section, table},
    scores,
};
use crate::{
    app,
    words::{duration, thousands},
};

/// Warnings and rows of events that are shown at most.
const WARNINGS: usize = 50;
const EVENTS: usize = 60;

/// What the picture of nearest training images shows.
pub const NEAREST: &str =
    "20 samples, white on black; below each, black on white, the training image that is nearest to it";
/// What the picture of interpolations shows.
pub const INTERPOLATION: &str = "Each row goes from one latent to another in even steps, its first digit and its last drawn from the latents themselves";

/// All of them.
pub fn all(subjects: &[Subject], real: Option<&BTreeMap<String, f64>>) -> String {
    let numbers = subjects.iter().any(Subject::is_of_numbers);
    let mut html = String::from("<main>\n") + &heading(subjects);
    html += &section("run", "Where it stands", &standing(subjects));
    html += &section("recipe", "Recipe", &recipe(subjects));
    html += &section("curves", "The duel", &charts(subjects));
    if numbers {
        html += &section("figure-1", "From latents to numbers, through time", &portraits(subjects));
    }
    if subjects.iter().any(|subject| !subject.is_of_numbers()) {
        html += &section("digits", "Digits through time", &digits(subjects));
    }
    html += &section("scores", "Scores", &scores::scores(subjects, real));
    if subjects.iter().any(|subject| matches!(subject.shown, Some(Ok(_)))) {
        html += &section("nearest", "Learned by heart?", &nearest(subjects));
        html += &section("interpolation", "Between two latents", &interpolation(subjects));
    }
    html += &section("warnings", "Warnings", &warnings(subjects));
    html += &section("events", "Events", &events(subjects));
    let version = env!("CARGO_PKG_VERSION");
    html += &format!(
        "<footer>\n{}</footer>\n</main>\n",
        paragraph(&format!(
            "duel {version}. D is the discriminator, G the generator, z a latent: I. Goodfellow et al., Generative Adversarial Nets, \
             2014, arXiv:1406.2661."
        ))
    );
    html
}

fn each(subjects: &[Subject], html: impl Fn(&Subject) -> String) -> String {
    columns(subjects.iter().map(|subject| (subject.name.as_str(), html(subject))))
}

fn heading(subjects: &[Subject]) -> String {
    let names: Vec<&str> = subjects.iter().map(|subject| subject.name.as_str()).collect();
    let about = match subjects {
        [subject] => subject.run.recipe.get("about").unwrap_or_default(),
        _ => format!("{} runs side by side", subjects.len()),
    };
    let about = if about.is_empty() { String::new() } else { format!("<p class=\"about\">{}</p>\n", escape(&about)) };
    format!("<h1>{}</h1>\n{about}", escape(&names.join(", ")))
}

/// A table with a column for each run.
pub fn beside(subjects: &[Subject], caption: &str, first: &str, rows: &[(String, Vec<Cell>)], more: &[&str]) -> String {
    let names = subjects.iter().map(|subject| subject.name.as_str());
    let heads: Vec<&str> = std::iter::once(first).chain(names).chain(more.iter().copied()).collect();
    table(caption, &heads, rows)
}

fn standing(subjects: &[Subject]) -> String {
    type Fact = (&'static str, fn(&Subject) -> String);
    let facts: [Fact; 7] = [
        ("Recipe", |subject| subject.run.recipe.get("name").unwrap_or_else(|| "not known".into())),
        ("State", |subject| subject.run.state().name().to_owned()),
        ("Step", |subject| match subject.run.steps() {
            0 => thousands(subject.run.step()),
            steps => format!("{} of {}", thousands(subject.run.step()), thousands(steps)),
        }),
        ("Trained for", |subject| subject.run.last.map_or("-".into(), |last| duration(last.seconds))),
        ("Began", |subject| {
            let time = subject.run.story.events.front().map(|event| event.time as i64);
            let time = time.and_then(|time| Timestamp::from_second(time).ok());
            time.map_or("-".into(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
        }),
        ("On", |subject| match &subject.run.story.start {
            start if start.device.is_empty() => "-".into(),
            start => format!("{}, {} threads", start.device, start.threads),
        }),
        ("Parameters", |subject| {
            let [generator, discriminator] = subject.run.story.start.parameters.map(|count| thousands(count as u64));
            format!("G {generator}, D {discriminator}")
        }),
    ];
    let rows = facts.map(|(name, fact)| {
        (name.to_owned(), subjects.iter().map(|subject| Cell::Text(fact(subject))).collect::<Vec<_>>())
    });
    let mut html = beside(subjects, "The run", "Fact", &rows, &[]);
    for subject in subjects {
        let named: BTreeSet<&str> = found(subject).map(|(_, what, ..)| what).collect();
        if !named.is_empty() {
            let named: Vec<&str> = named.into_iter().take(10).collect();
            html += &format!(
                "<p>{} was warned: <a href=\"#warnings\">{}</a>.</p>\n",
                escape(&subject.name),
                escape(&named.join(", "))
            );
        }
        if subject.run.unreadable > 0 || subject.unreadable > 0 {
            html += &paragraph(&format!(
                "{}: {} lines and {} samples could not be read and were passed over.",
                subject.name, subject.run.unreadable, subject.unreadable
            ));
        }
    }
    html
}

fn recipe(subjects: &[Subject]) -> String {
    let default = Facts::of(&Recipe::default().to_toml());
    let (mut differing, mut all) = (Vec::new(), Vec::new());
    for knob in Recipe::knobs().filter(|knob| !knob.section.is_empty()) {
        let path = knob.path();
        let usual = default.get(&path).unwrap_or_default();
        let values: Vec<Option<String>> = subjects.iter().map(|subject| subject.run.recipe.get(&path)).collect();
        let differs = values.iter().flatten().any(|value| *value != usual);
        let cell = |value: Option<String>| Cell::Code(value.unwrap_or_else(|| "-".into()));
        let mut cells: Vec<Cell> = values.into_iter().map(cell).collect();
        if differs {
            differing.push((path.clone(), cells.iter().cloned().chain([Cell::Code(usual)]).collect()));
        }
        cells.push(Cell::Text(knob.meaning.trim().to_owned()));
        all.push((path, cells));
    }
    let known = |subject: &Subject| Recipe::knobs().any(|knob| subject.run.recipe.get(&knob.path()).is_some());
    if !subjects.iter().any(known) {
        return paragraph("The recipe cannot be read.");
    }
    let said = if differing.is_empty() {
        paragraph("Nothing differs from the defaults.")
    } else {
        beside(subjects, "What differs from the defaults", "Key", &differing, &["default"])
    };
    said + &details("The whole recipe", &beside(subjects, "Every key", "Key", &all, &["meaning"]))
}

fn charts(subjects: &[Subject]) -> String {
    let charts = curves::all(&subjects.iter().collect::<Vec<_>>());
    let charts: Vec<_> = charts.into_iter().filter(|(name, _)| *name != "frechet").collect();
    if charts.is_empty() {
        return paragraph("No metrics yet.");
    }
    let intro = paragraph(
        "Means over the steps; the shade reaches from the least to the greatest value, and there is a gap where a value is not finite.",
    );
    let caption = |name: &str| match name {
        "losses" => {
            "Losses, on a logarithmic axis where none is negative. Neither has to fall: each is measured against an adversary that learns, too."
        }
        "opinions" => {
            "The discriminator's mean opinion, from 0, drawn, to 1, real. In an even duel both are 0.5: it can only guess."
        }
        "gradients" => {
            "Lengths of the gradients, on a logarithmic axis. A generator whose gradient vanishes learns no more."
        }
        _ => "What the discriminator raises and the generator lowers. In an even duel it is -log 4.",
    };
    let parts = charts.into_iter().map(|(name, figures)| {
        let figures = subjects.iter().zip(figures).map(|(subject, drawn)| {
            let drawn =
                drawn.map_or_else(|| paragraph("No metrics yet."), |drawn| figure(&drawn.element(), caption(name)));
            (subject.name.as_str(), drawn)
        });
        columns(figures)
    });
    let parts: Vec<String> = parts.collect();
    intro + &if subjects.len() == 1 { row(&parts, true) } else { parts.concat() }
}

fn digits(subjects: &[Subject]) -> String {
    let intro = "The same latents at each stage: a place in the grid stays one digit's, from noise on.";
    let stages = each(subjects, |subject| {
        let stages: Vec<String> = subject
            .digits()
            .map(|(step, digits)| {
                let step = thousands(step);
                figure(&picture(&digits, &format!("Digits drawn at step {step}")), &format!("Step {step}"))
            })
            .collect();
        if stages.is_empty() { paragraph("No samples yet.") } else { row(&stages, false) }
    });
    paragraph(intro) + &stages
}

fn portraits(subjects: &[Subject]) -> String {
    let intro = "As figure 1 of the 2014 paper: the data's density, dotted; the generator's, solid; D(x), dashed, from 0 to 1, with \
                 a line at one half; below, where latents z go. It ends where both densities are one and D(x) is one half.";
    let stages = each(subjects, |subject| {
        let stages: Vec<String> = subject
            .portraits()
            .map(|(step, drawn)| figure(&drawn.element(), &format!("Step {}", thousands(step))))
            .collect();
        if stages.is_empty() { paragraph("No samples yet.") } else { row(&stages, false) }
    });
    paragraph(intro) + &stages
}

fn nearest(subjects: &[Subject]) -> String {
    let intro = format!("{NEAREST}. A generator that copies would show the same image twice.");
    let pictures = each(subjects, |subject| {
        let Some(Ok(shown)) = &subject.shown else { return paragraph("Nothing to compare.") };
        match &shown.nearest {
            Ok((pairs, distance)) => {
                let caption =
                    format!("Step {}; on average {distance:.2} apart, pixels from 0 to 1.", thousands(shown.step));
                figure(&picture(pairs, NEAREST), &caption)
            }
            Err(why) => paragraph(&format!("Nothing to compare with: {}", showable(why))),
        }
    });
    paragraph(&intro) + &pictures
}

fn interpolation(subjects: &[Subject]) -> String {
    let intro = format!(
        "{INTERPOLATION}, as figure 3 of the 2014 paper. Where digits change smoothly, and each on the way is a digit, the generator \
         has learned more than a list."
    );
    let pictures = each(subjects, |subject| match &subject.shown {
        Some(Ok(shown)) => {
            figure(&picture(&shown.interpolation, INTERPOLATION), &format!("Step {}", thousands(shown.step)))
        }
        _ => paragraph("Nothing to show."),
    });
    paragraph(&intro) + &pictures
}

/// The warnings of a run: the step they were given at, what, since, evidence, remedy.
fn found(subject: &Subject) -> impl Iterator<Item = (u64, &str, u64, &str, &str)> {
    subject.run.story.events.iter().filter_map(|event| match &event.what {
        What::Warning { what, since, evidence, remedy } => {
            Some((event.step, what.as_str(), *since, evidence.as_str(), remedy.as_str()))
        }
        _ => None,
    })
}

fn warnings(subjects: &[Subject]) -> String {
    let level = if subjects.len() == 1 { "h3" } else { "h4" };
    each(subjects, |subject| {
        let total = found(subject).count();
        if total == 0 {
            return paragraph("None.");
        }
        let shown = found(subject).take(WARNINGS).map(|(step, what, since, evidence, remedy)| {
            format!(
                "<div class=\"warning\">\n<{level}>{}</{level}>\n{}<p>To change: <code>{}</code></p>\n</div>\n",
                escape(what),
                paragraph(&format!("Since step {}, told at step {}: {evidence}", thousands(since), thousands(step))),
                escape(remedy)
            )
        });
        let mut html: String = shown.collect();
        if total > WARNINGS {
            html += &paragraph(&format!("{} more are in events.jsonl.", total - WARNINGS));
        }
        html
    })
}

fn events(subjects: &[Subject]) -> String {
    each(subjects, |subject| {
        let story = &subject.run.story;
        let mut rows: Vec<(String, Vec<Cell>)> = Vec::new();
        let mut checkpoints = 0;
        // Evaluations have a table of their own.
        for event in story.events.iter().filter(|event| !matches!(event.what, What::Evaluation { .. })) {
            checkpoints = if matches!(event.what, What::Checkpoint { .. }) { checkpoints + 1 } else { 0 };
            let mut text = app::text(event);
            if checkpoints > 1 {
                // One row for many, the last of them.
                rows.pop();
                text += &format!(", the last of {checkpoints}");
            }
            rows.push((
                thousands(event.step),
                vec![Cell::Text(app::kind(event).to_owned()), Cell::Text(showable(&text))],
            ));
        }
        if rows.is_empty() {
            return paragraph("None yet.");
        }
        let left_out = rows.len().saturating_sub(EVENTS);
        let more = if left_out > 0 { format!("; {left_out} earlier ones are in events.jsonl") } else { String::new() };
        table(&format!("What happened{more}"), &["Step", "Event", "What"], &rows[left_out..])
    })
}
