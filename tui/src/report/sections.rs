//! The sections of the page, each with all runs side by side.

use std::collections::BTreeSet;

use duel_models::text::showable;
use duel_trainer::{
    recipe::{DERIVED, Recipe, SHIPPED},
    run::{reader::RecipeView, record::EventKind},
};
use jiff::Timestamp;

use super::{
    curves,
    html::{Cell, details, figure, paragraph, picture, row, section, table},
    scores,
    side_by_side::{beside, each},
    subject::Subject,
};
use crate::text::{
    events::{kind, text},
    markup::escape,
    numbers::{duration, thousands, threads},
};

/// The most warnings, and rows of events, that are shown.
const WARNINGS: usize = 50;
const EVENTS: usize = 60;

/// The description of the picture of nearest training images.
pub const NEAREST: &str = "20 samples; below each its nearest training image, inverted if it is grey";
/// The description of the picture of interpolations.
pub const INTERPOLATION: &str = "Each row goes in even steps from one latent, its first image, to another, its last";

/// Returns all sections.
pub fn all(subjects: &[Subject]) -> String {
    let numbers = subjects.iter().any(Subject::is_toy);
    let mut html = String::from("<main>\n") + &heading(subjects);
    html += &section("run", "State of the run", &standing(subjects));
    if numbers {
        html += &section("figure-1", "The toy distribution through time", &densities(subjects));
    }
    if subjects.iter().any(|subject| !subject.is_toy()) {
        html += &section("samples", "Samples through time", &samples(subjects));
    }
    html += &section("curves", "Training curves", &charts(subjects));
    html += &section("scores", "Scores", &scores::scores(subjects));
    if subjects.iter().any(|subject| matches!(subject.shown, Some(Ok(_)))) {
        html += &section("nearest", "Nearest training images", &nearest(subjects));
        html += &section("interpolation", "Interpolation between latents", &interpolation(subjects));
    }
    html += &section("recipe", "Recipe", &recipe(subjects));
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

fn heading(subjects: &[Subject]) -> String {
    let names: Vec<&str> = subjects.iter().map(|subject| subject.name.as_str()).collect();
    let about = match subjects {
        [subject] => subject.run.recipe.get("about").unwrap_or_default(),
        _ => format!("{} runs side by side", subjects.len()),
    };
    let about = if about.is_empty() { String::new() } else { format!("<p class=\"about\">{}</p>\n", escape(&about)) };
    format!("<h1>{}</h1>\n{about}", escape(&names.join(", ")))
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
            let time = subject.run.history.events.front().map(|event| event.time as i64);
            let time = time.and_then(|time| Timestamp::from_second(time).ok());
            time.map_or("-".into(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
        }),
        ("On", |subject| match &subject.run.history.start {
            start if start.device.is_empty() => "-".into(),
            start => format!("{}, {}", start.device, threads(start.threads)),
        }),
        ("Parameters", |subject| {
            let [generator, discriminator] = subject.run.history.start.parameters.map(|count| thousands(count as u64));
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
                "{}: {} lines and {} samples could not be read and were left out.",
                subject.name, subject.run.unreadable, subject.unreadable
            ));
        }
    }
    html
}

/// Returns the recipe that the runs began with, if it is one and ships, else the defaults; and what it is called.
fn origin(subjects: &[Subject]) -> (RecipeView, String) {
    let names: BTreeSet<_> = subjects.iter().filter_map(|subject| subject.run.recipe.get("name")).collect();
    let one = names.first().filter(|name| names.len() == 1 && SHIPPED.iter().any(|(shipped, _)| shipped == name));
    match one.and_then(|name| Some((Recipe::load(name, &[]).ok()?, format!("recipe {name}")))) {
        Some((recipe, called)) => (RecipeView::parse(&recipe.to_toml()), called),
        None => (RecipeView::parse(&Recipe::default().to_toml()), "defaults".to_owned()),
    }
}

fn recipe(subjects: &[Subject]) -> String {
    let (origin, called) = origin(subjects);
    let derives =
        subjects.iter().all(|subject| subject.run.recipe.get("derive").is_some_and(|derive| derive == "true"));
    let (mut differing, mut derived, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for setting in Recipe::settings().filter(|setting| !setting.section.is_empty()) {
        let path = setting.path();
        let usual = origin.get(&path).unwrap_or_default();
        let values: Vec<Option<String>> = subjects.iter().map(|subject| subject.run.recipe.get(&path)).collect();
        let differs = values.iter().flatten().any(|value| *value != usual);
        let cell = |value: Option<String>| Cell::Code(value.unwrap_or_else(|| "-".into()));
        let mut cells: Vec<Cell> = values.into_iter().map(cell).collect();
        if derives && DERIVED.contains(&&*path) {
            derived.push((path.clone(), cells.clone()));
        } else if differs {
            differing.push((path.clone(), cells.iter().cloned().chain([Cell::Code(usual)]).collect()));
        }
        cells.push(Cell::Text(setting.meaning.trim().to_owned()));
        all.push((path, cells));
    }
    let known = |subject: &Subject| Recipe::settings().any(|setting| subject.run.recipe.get(&setting.path()).is_some());
    if !subjects.iter().any(known) {
        return paragraph("The recipe cannot be read.");
    }
    let mut said = if differing.is_empty() {
        paragraph(&format!("No setting differs from the {called}."))
    } else {
        beside(subjects, &format!("Settings that differ from the {called}"), "Key", &differing, &[&called])
    };
    if !derived.is_empty() {
        said +=
            &beside(subjects, "Settings that follow from the pictures, unless they were given", "Key", &derived, &[]);
    }
    said + &details("The whole recipe", &beside(subjects, "Every key", "Key", &all, &["meaning"]))
}

fn charts(subjects: &[Subject]) -> String {
    let charts = curves::scalars(&subjects.iter().collect::<Vec<_>>());
    if charts.is_empty() {
        return paragraph("No metrics yet.");
    }
    if subjects.len() > 1 {
        return compared(&charts);
    }
    let intro = "Lines are means over some steps, shades reach from the lowest to the highest value. A gap is a value that is not finite.";
    let figures = charts.iter().flat_map(|charts| charts.charts.iter().map(|drawn| (drawn, charts.caption)));
    let figures: Vec<String> = figures.map(|(drawn, caption)| figure(&drawn.figure.element(), caption)).collect();
    paragraph(intro) + &row(&figures, true)
}

/// Returns charts of several runs below the titles of their panels.
fn compared(charts: &[curves::Charts]) -> String {
    let intro = "A chart shows one number of all runs in the same axes. Lines are means over some steps. A gap is a value that is not \
                 finite. A run without values for a chart has no curve there.";
    let panels = charts.iter().map(|panel| {
        let figures = panel.charts.iter().map(|drawn| figure(&drawn.figure.element(), drawn.name));
        let figures: Vec<String> = figures.collect();
        format!("<h3>{}</h3>\n{}{}", escape(panel.title), paragraph(panel.caption), row(&figures, true))
    });
    paragraph(intro) + &panels.collect::<String>()
}

fn samples(subjects: &[Subject]) -> String {
    let intro =
        "Every stage draws the same latents, so that each place of the grid shows how one image develops from noise.";
    let stages = each(subjects, |subject| {
        let stages: Vec<String> = subject
            .pictures()
            .map(|(step, digits)| {
                let step = thousands(step);
                figure(&picture(&digits, &format!("Samples at step {step}")), &format!("Step {step}"))
            })
            .collect();
        if stages.is_empty() { paragraph("No samples yet.") } else { row(&stages, false) }
    });
    paragraph(intro) + &stages
}

fn densities(subjects: &[Subject]) -> String {
    let intro = "As figure 1 of the 2014 paper: the density of the data (dotted), that of the generator (solid), and D(x) from 0 to 1 (dashed), \
                 with a line at one half. Below, arrows lead from latents z to G(z). At the optimum both densities are equal and \
                 D(x) is one half.";
    let stages = each(subjects, |subject| {
        let stages: Vec<String> = subject
            .densities()
            .map(|(step, drawn)| figure(&drawn.element(), &format!("Step {}", thousands(step))))
            .collect();
        if stages.is_empty() { paragraph("No samples yet.") } else { row(&stages, false) }
    });
    paragraph(intro) + &stages
}

fn nearest(subjects: &[Subject]) -> String {
    let intro = format!("{NEAREST}. A generator that copies its training images shows the same image twice.");
    let pictures = each(subjects, |subject| {
        let Some(Ok(shown)) = &subject.shown else { return paragraph("Not scored.") };
        match &shown.nearest {
            Ok((pairs, distance)) => {
                let caption =
                    format!("Step {}; on average {distance:.2} apart, with pixels from 0 to 1.", thousands(shown.step));
                figure(&picture(pairs, NEAREST), &caption)
            }
            Err(why) => paragraph(&format!("The training images could not be read: {}", showable(why))),
        }
    });
    paragraph(&intro) + &pictures
}

fn interpolation(subjects: &[Subject]) -> String {
    let intro = format!(
        "{INTERPOLATION}, as in figure 3 of the 2014 paper. If the images change smoothly and all of them look real, the generator \
         has not memorised its training images."
    );
    let pictures = each(subjects, |subject| match &subject.shown {
        Some(Ok(shown)) => {
            figure(&picture(&shown.interpolation, INTERPOLATION), &format!("Step {}", thousands(shown.step)))
        }
        _ => paragraph("Not scored."),
    });
    paragraph(&intro) + &pictures
}

/// Returns the warnings of a run: step, kind, first step, evidence, remedy.
fn found(subject: &Subject) -> impl Iterator<Item = (u64, &str, u64, &str, &str)> {
    subject.run.history.events.iter().filter_map(|event| match &event.kind {
        EventKind::Warning { what, since, evidence, remedy } => {
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
                "<div class=\"warning\">\n<{level}>{}</{level}>\n{}<p>Remedy: <code>{}</code></p>\n</div>\n",
                escape(what),
                paragraph(&format!(
                    "Since step {}, reported at step {}: {evidence}",
                    thousands(since),
                    thousands(step)
                )),
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
        let history = &subject.run.history;
        let mut rows: Vec<(String, Vec<Cell>)> = Vec::new();
        let mut checkpoints = 0;
        // Evaluations are shown in the table of scores.
        for event in history.events.iter().filter(|event| !matches!(event.kind, EventKind::Evaluation { .. })) {
            checkpoints = if matches!(event.kind, EventKind::Checkpoint { .. }) { checkpoints + 1 } else { 0 };
            let mut text = text(event);
            if checkpoints > 1 {
                // One row stands for successive checkpoints: that of the last one.
                rows.pop();
                text += &format!(", the last of {checkpoints}");
            }
            rows.push((thousands(event.step), vec![Cell::Text(kind(event).to_owned()), Cell::Text(showable(&text))]));
        }
        if rows.is_empty() {
            return paragraph("None yet.");
        }
        let left_out = rows.len().saturating_sub(EVENTS);
        let more = if left_out > 0 { format!("; {left_out} earlier ones are in events.jsonl") } else { String::new() };
        table(&format!("Events{more}"), &["Step", "Event", "What"], &rows[left_out..])
    })
}
