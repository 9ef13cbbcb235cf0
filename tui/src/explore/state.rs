//! The state of a walk through latent space, and how keys change it. No drawing and no generator here.

use duel_models::{Card, Latents};

use super::keys::{Action, Effect, KEYS};
use crate::term::{bindings, input::Key};

/// The angle between neighbours, in radians: at the start, the smallest and the largest.
const STRIDE: (f32, f32, f32) = (0.2, 0.0125, 0.8);

/// A latent and two directions from it: three vectors of about the same length. Rotating one towards another keeps that
/// length, so that the result is a likely latent.
#[derive(Debug, Clone)]
struct Plane {
    point: Vec<f32>,
    right: Vec<f32>,
    down: Vec<f32>,
}

/// The state of a walk.
#[derive(Debug)]
pub struct Explore {
    /// The description of the generator.
    pub card: Card,
    /// The class that is drawn; 0 for a generator without classes.
    pub class: u8,
    /// The name of a class as far as it is typed; none while no name is typed.
    pub typed: Option<String>,
    /// The digits that were pressed one after the other.
    number: usize,
    /// The angle between neighbours, in radians.
    pub stride: f32,
    /// The number of pictures across and down.
    pub size: (usize, usize),
    /// The pictures row by row, [across × down, height, width, channels].
    pub images: Vec<u8>,
    /// Whether the interpolation between the two marks is shown.
    pub between: bool,
    /// Whether the picture in the middle is shown alone, as large as the terminal takes.
    pub large: bool,
    /// Whether all keys are shown.
    pub help: bool,
    /// A message about the last key.
    pub note: String,
    /// Whether the pictures have to be drawn again.
    pub stale: bool,
    plane: Plane,
    marks: Vec<Vec<f32>>,
    source: Latents,
    drawn: u64,
}

impl Explore {
    /// Starts a walk at sample 0 of a seed.
    pub fn new(card: Card, seed: u64) -> Self {
        let source = Latents::new(seed, &card);
        let plane = Plane { point: Vec::new(), right: Vec::new(), down: Vec::new() };
        let mut explore = Self {
            card,
            class: 0,
            typed: None,
            number: 0,
            stride: STRIDE.0,
            size: (1, 1),
            images: Vec::new(),
            between: false,
            large: false,
            help: false,
            note: String::new(),
            stale: true,
            plane,
            marks: Vec::new(),
            source,
            drawn: 0,
        };
        explore.plane.point = explore.draw();
        explore.turn();
        explore
    }

    /// Draws the next latent of the seed.
    fn draw(&mut self) -> Vec<f32> {
        let mut latent = vec![0.0; self.card.latent];
        self.source.latent(self.drawn, &mut latent);
        self.drawn += 1;
        latent
    }

    fn turn(&mut self) {
        self.plane.right = self.draw();
        self.plane.down = self.draw();
    }

    /// Sets the number of pictures across and down.
    pub fn resize(&mut self, size: (usize, usize)) {
        self.stale |= self.size != size;
        self.size = size;
    }

    /// Handles a key; returns an effect to carry out.
    pub fn press(&mut self, key: Key) -> Option<Effect> {
        if let Some(typed) = &mut self.typed {
            match key {
                Key::Char(c) if typed.len() < 60 => typed.push(c),
                Key::Backspace => _ = typed.pop(),
                Key::Enter => self.take_typed(),
                Key::Escape | Key::Ctrl('c') => self.typed = None,
                _ => {}
            }
            return None;
        }
        let action = bindings::action(KEYS, key);
        // Any key leaves the list of keys; those that walk do no more.
        if std::mem::take(&mut self.help) && !matches!(action, Some(Action::Suspend | Action::Quit)) {
            return None;
        }
        let action = action?;
        self.note.clear();
        self.stale = true;
        if action != Action::Class {
            self.number = 0;
        }
        match action {
            Action::Walk(right, down) => self.walk(right, down),
            Action::Turn => self.turn(),
            Action::Jump => {
                self.plane.point = self.draw();
                self.turn();
            }
            Action::Stride(longer) => {
                self.stride = (self.stride * if longer { 2.0 } else { 0.5 }).clamp(STRIDE.1, STRIDE.2);
            }
            Action::Class => self.choose(key),
            Action::NextClass(by) => self.next_class(by),
            Action::TypeClass if self.card.classes == 0 => self.note = self.no_classes(),
            Action::TypeClass => self.typed = Some(String::new()),
            Action::Mark => self.mark(),
            Action::Between if self.marks.len() < 2 => self.note = "mark two points first, with m".into(),
            Action::Between => (self.between, self.large) = (!self.between, false),
            Action::Enlarge => (self.between, self.large) = (false, !self.large),
            Action::Back => (self.between, self.large) = (false, false),
            Action::Help => self.help = true,
            Action::Write => return Some(Effect::Write),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Quit => return Some(Effect::Quit),
        }
        None
    }

    fn walk(&mut self, right: i8, down: i8) {
        self.between = false;
        let Plane { point, right: to_right, down: to_below } = &mut self.plane;
        rotate(point, to_right, f32::from(right) * self.stride);
        rotate(point, to_below, f32::from(down) * self.stride);
    }

    fn choose(&mut self, key: Key) {
        let Key::Char(c) = key else { return };
        let digit = c.to_digit(10).unwrap_or(0) as usize;
        let longer = self.number * 10 + digit;
        self.number = if longer < self.card.classes { longer } else { digit };
        match self.card.classes {
            0 => self.note = self.no_classes(),
            classes if self.number >= classes => self.note = format!("classes are 0 to {}", classes - 1),
            _ => self.class = self.number as u8,
        }
    }

    fn next_class(&mut self, by: i16) {
        match self.card.classes {
            0 => self.note = self.no_classes(),
            classes => self.class = (i16::from(self.class) + by).rem_euclid(classes as i16) as u8,
        }
    }

    fn no_classes(&self) -> String {
        format!("{} takes no class: the latent alone decides the image", self.card.name)
    }

    /// Returns the class that is meant by what is typed: the first whose label contains it, in upper or lower case, and
    /// rather one that begins with it.
    pub fn found(&self) -> Option<u8> {
        let typed = self.typed.as_deref()?.trim().to_lowercase();
        let place = |class: u8| Some((self.class_label(class).to_lowercase().find(&typed)?, class));
        let classes = 0..self.card.classes.min(256);
        classes.filter_map(|class| place(class as u8)).min().map(|(_, class)| class)
    }

    fn take_typed(&mut self) {
        match self.found() {
            Some(class) => self.class = class,
            None => self.note = "no class has this name".into(),
        }
        (self.typed, self.stale) = (None, true);
    }

    /// Returns the text by which a class is known.
    pub fn class_label(&self, class: u8) -> String {
        match self.card.class_names.get(usize::from(class)) {
            Some(name) => format!("{class} {name}"),
            None => class.to_string(),
        }
    }

    fn mark(&mut self) {
        if self.marks.len() == 2 {
            self.marks.remove(0);
        }
        self.marks.push(self.plane.point.clone());
        self.note = match self.marks.len() {
            1 => "one point marked; walk on, and mark another".into(),
            _ => "two points marked; i shows the way between them".into(),
        };
    }

    /// Returns the latents of the pictures that are shown, [across × down, latent].
    pub fn latents(&self) -> Vec<f32> {
        let (across, down) = self.size;
        if self.between {
            return self.interpolation(across * down);
        }
        let from_centre = |at: usize, of: usize| (at as f32 - (of / 2) as f32) * self.stride;
        let mut latents = Vec::with_capacity(across * down * self.card.latent);
        for row in 0..down {
            for column in 0..across {
                let Plane { mut point, mut right, down: mut below } = self.plane.clone();
                rotate(&mut point, &mut right, from_centre(column, across));
                rotate(&mut point, &mut below, from_centre(row, down));
                latents.extend(point.into_iter().map(|value| self.inside(value)));
            }
        }
        latents
    }

    /// Interpolates `count` latents between the two marks, along the arc between them (spherical interpolation).
    pub fn interpolation(&self, count: usize) -> Vec<f32> {
        let [from, to] = self.marks.as_slice() else { return Vec::new() };
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let cosine = dot(from, to) / (dot(from, from) * dot(to, to)).sqrt();
        let angle = cosine.clamp(-1.0, 1.0).acos();
        let share = |t: f32| if angle.sin().abs() < 1e-3 { t } else { (t * angle).sin() / angle.sin() };
        let steps = (0..count).map(|at| at as f32 / (count.max(2) - 1) as f32);
        steps
            .flat_map(|t| {
                let (a, b) = (share(1.0 - t), share(t));
                from.iter().zip(to).map(move |(from, to)| self.inside(a * from + b * to))
            })
            .collect()
    }

    /// Returns the labels for `count` latents; none for a generator without classes.
    pub fn labels(&self, count: usize) -> Vec<u8> {
        if self.card.classes == 0 { Vec::new() } else { vec![self.class; count] }
    }

    /// Clamps a value to the bound of a uniform latent, which an arc may leave.
    fn inside(&self, value: f32) -> f32 {
        let bound = self.card.latent_law.bound();
        value.clamp(-bound, bound)
    }
}

/// Rotates `a` towards `b` by an angle in radians, and `b` along with it.
fn rotate(a: &mut [f32], b: &mut [f32], angle: f32) {
    let (sin, cos) = angle.sin_cos();
    for (a, b) in a.iter_mut().zip(b) {
        (*a, *b) = (cos * *a + sin * *b, cos * *b - sin * *a);
    }
}

#[cfg(test)]
mod tests {
    use duel_models::LatentLaw;

    use super::*;
    use crate::explore::testing;

    fn card(latent_law: LatentLaw, classes: usize) -> Card {
        testing::card(latent_law, 64, classes)
    }

    #[test]
    fn a_step_moves_the_grid_by_a_digit_and_back() {
        let mut explore = Explore::new(card(LatentLaw::Normal, 0), 1);
        explore.resize((5, 3));
        let before = explore.latents();
        explore.press(Key::Right);
        let after = explore.latents();
        // In the middle row the picture right of the middle has moved to the middle.
        let at = |latents: &[f32], column: usize| latents[(5 + column) * 64..][..64].to_vec();
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near(&at(&before, 3), &at(&after, 2)));
        explore.press(Key::Left);
        assert!(near(&before, &explore.latents()));
    }

    #[test]
    fn latents_stay_likely_however_far_the_walk() {
        for law in [LatentLaw::Normal, LatentLaw::Uniform] {
            let mut explore = Explore::new(card(law, 0), 2);
            for step in 0..200 {
                explore.press([Key::Right, Key::Down, Key::Char(' '), Key::Up, Key::Char('+')][step % 5]);
            }
            let latents = explore.latents();
            let variance = latents.iter().map(|value| value * value).sum::<f32>() / latents.len() as f32;
            assert!((0.1..2.5).contains(&variance), "{law}: {variance}");
        }
    }

    #[test]
    fn the_way_leads_from_mark_to_mark() {
        let mut explore = Explore::new(card(LatentLaw::Normal, 10), 3);
        explore.press(Key::Char('i'));
        assert!(!explore.between && explore.note.contains("two points"));
        let first = explore.latents();
        explore.press(Key::Char('m'));
        explore.press(Key::Char('n'));
        let second = explore.latents();
        explore.press(Key::Char('m'));
        explore.press(Key::Char('i'));
        explore.resize((3, 1));
        let way = explore.latents();
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near(&way[..64], &first) && near(&way[128..], &second));
        explore.press(Key::Char('7'));
        assert_eq!(explore.labels(2), [7, 7]);
    }
}
