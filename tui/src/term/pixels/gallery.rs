//! The pictures on the screen: which of them to send, and in what detail.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use ratatui::layout::Rect;

use super::{
    Picture,
    encode::{DETAILS, erase, place, show},
    query::{PixelTerminal, cell},
};

/// Bytes a second that pictures take while they change all the time: with the characters around them, less than 50 kB.
const RATE: f64 = 46_000.0;

/// Seconds without a picture after which the next one may take the bytes of as many seconds.
const REST: f64 = 4.0;

/// Bytes that a picture may always take. A user who holds a key down sees pictures change more often than every second.
const LEAST: usize = 16_000;

/// The pictures on the screen.
#[derive(Debug)]
pub struct Gallery {
    terminal: PixelTerminal,
    shown: Vec<Shown>,
    /// When pictures were sent last, and how many more bytes they could have taken then.
    sent: Option<(Instant, f64)>,
    /// The index in [`DETAILS`] of the picture that was sent last.
    detail: usize,
}

/// A picture that was sent.
#[derive(Debug)]
struct Shown {
    area: Rect,
    /// A hash of the picture.
    hash: u64,
    /// Whether it can be sent in more detail after a rest.
    coarse: bool,
}

/// Sequences for one drawing.
#[derive(Debug, Default)]
pub struct Change {
    /// What to send before the characters: takes pictures away.
    pub before: String,
    /// What to send after the characters: shows pictures.
    pub after: String,
}

impl Gallery {
    /// Makes the gallery of a terminal that shows nothing yet.
    pub fn new(terminal: PixelTerminal) -> Self {
        Self { terminal, shown: Vec::new(), sent: None, detail: 0 }
    }

    /// Forgets all pictures, because the screen was cleared; its font may have another size, too.
    pub fn forget(&mut self) {
        self.shown.clear();
        self.terminal.cell = cell().unwrap_or(self.terminal.cell);
    }

    /// Returns the sequences that leave exactly these pictures on the screen.
    pub fn change(&mut self, pictures: &[Picture], now: Instant) -> Change {
        let mut change = Change::default();
        let count = self.shown.len().max(pictures.len());
        let room = self.room(now);
        let is_rested = room > RATE;
        let mut sent = 0;
        let old = std::mem::take(&mut self.shown);
        for (at, id) in (0..count).zip(self.terminal.first_id..) {
            let (before, picture) = (old.get(at), pictures.get(at));
            if let Some(before) = before.filter(|before| picture.is_none_or(|picture| picture.area != before.area)) {
                change.before += &erase(before.area, self.terminal, id);
            }
            let Some(picture) = picture else { continue };
            let hash = hash(picture);
            let same = before.filter(|before| before.area == picture.area && before.hash == hash);
            if let Some(same) = same.filter(|same| !same.coarse || !is_rested) {
                self.shown.push(Shown { ..*same });
                continue;
            }
            let share = (room as usize).saturating_sub(sent) / (pictures.len() - at);
            let text = self.send(picture, id, share.max(LEAST / pictures.len()));
            self.shown.push(Shown { area: picture.area, hash, coarse: self.detail > 0 && !is_rested });
            sent += text.len();
            change.after += &place(picture.area.x, picture.area.y);
            change.after += &text;
        }
        if sent > 0 {
            self.sent = Some((now, (room - sent as f64).max(0.0)));
        }
        change
    }

    /// Returns the time until a picture that was sent coarsely can be sent in more detail; none if all are as fine as they
    /// can be.
    pub fn until_finer(&self, now: Instant) -> Option<Duration> {
        let coarse = self.shown.iter().any(|shown| shown.coarse);
        let left = REST - self.sent.map_or(REST, |(last, _)| now.duration_since(last).as_secs_f64());
        coarse.then(|| Duration::from_secs_f64(left.max(0.0)))
    }

    /// Returns the bytes that pictures may take now.
    fn room(&self, now: Instant) -> f64 {
        let Some((last, left)) = self.sent else { return REST * RATE };
        let seconds = now.duration_since(last).as_secs_f64();
        if seconds >= REST { REST * RATE } else { (left + seconds * RATE).min(RATE) }
    }

    /// Encodes a picture in the finest detail that takes at most `room` bytes, else in the coarsest. Begins near the detail
    /// of the last picture, because pictures of one run are alike.
    fn send(&mut self, picture: &Picture, id: u32, room: usize) -> String {
        let encode = |detail: usize| show(picture, self.terminal, id, DETAILS[detail]);
        let mut detail = self.detail;
        let mut text = encode(detail);
        while text.len() > room && detail + 1 < DETAILS.len() {
            detail += 1;
            text = encode(detail);
        }
        if detail == self.detail {
            while let Some(finer) = detail.checked_sub(1) {
                let better = encode(finer);
                if better.len() > room {
                    break;
                }
                (detail, text) = (finer, better);
            }
        }
        self.detail = detail;
        text
    }
}

/// Returns the sequence that shows a picture in full detail at the cursor.
pub fn picture(picture: &Picture, terminal: PixelTerminal, id: u32) -> String {
    show(picture, terminal, terminal.first_id + id, DETAILS[0])
}

fn hash(picture: &Picture) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&picture.images, picture.across, picture.tile, picture.mark, picture.shape).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use duel_models::random::Stream;

    use super::{super::query::Protocol, *};

    /// 40 pictures of 64×64 in colour: blurred noise, which compresses about as badly as photographs.
    fn grid(step: u64, (columns, rows): (u16, u16)) -> Picture {
        let mut noise = Stream::new(step, "grid");
        let shape = "3x64x64".parse().expect("a shape");
        let mut levels = [128.0; 3];
        let images = (0..40 * 64 * 64 * 3).map(|at| {
            let level = &mut levels[at % 3];
            *level = (*level + 24.0 * noise.normal()).clamp(0.0, 255.0);
            *level as u8
        });
        let area = Rect { x: 40, y: 4, width: 10 * (columns + 1) - 1, height: 4 * rows };
        Picture { area, tile: (columns, rows), across: 10, shape, images: images.collect(), mark: None }
    }

    fn terminal(protocol: Protocol) -> PixelTerminal {
        PixelTerminal { protocol, cell: (10, 20), first_id: 1 }
    }

    #[test]
    fn a_grid_a_second_takes_less_than_50_kb_a_second() {
        for protocol in [Protocol::Kitty, Protocol::Iterm2, Protocol::Sixel] {
            for tile in [(3, 2), (8, 4)] {
                let mut gallery = Gallery::new(terminal(protocol));
                let start = Instant::now();
                let sizes = (0..12).map(|second| {
                    let grid = grid(second, tile);
                    gallery.change(&[grid], start + Duration::from_secs(second)).after.len()
                });
                let sizes: Vec<usize> = sizes.collect();
                println!("{protocol:?} {tile:?}: {sizes:?}");
                assert!(sizes[0] <= 184_100 && sizes[0] > 92_000, "{protocol:?}: {sizes:?}");
                assert!(sizes[1..].iter().all(|size| (8_000..46_100).contains(size)), "{protocol:?}: {sizes:?}");
            }
        }
    }

    #[test]
    fn a_picture_is_sent_when_it_has_changed() {
        let mut gallery = Gallery::new(terminal(Protocol::Kitty));
        let mut now = Instant::now();
        let first = grid(1, (3, 2));
        assert!(gallery.change(std::slice::from_ref(&first), now).after.starts_with("\x1b[5;41H\x1b_Ga=T"));
        assert!(gallery.until_finer(now).is_none(), "its first detail is the finest that there is room for");
        let again = gallery.change(std::slice::from_ref(&first), now);
        assert!(again.before.is_empty() && again.after.is_empty());
        // Another grid right after it is coarse, and finer once the line had rest.
        let second = grid(2, (3, 2));
        let coarse = gallery.change(std::slice::from_ref(&second), now).after.len();
        let wait = gallery.until_finer(now).expect("it is coarse");
        assert!(wait > Duration::from_secs(1) && gallery.change(std::slice::from_ref(&second), now).after.is_empty());
        now += wait + Duration::from_millis(1);
        let fine = gallery.change(std::slice::from_ref(&second), now).after.len();
        assert!(fine > 2 * coarse, "{coarse} {fine}");
        assert!(
            gallery.until_finer(now).is_none() && gallery.change(std::slice::from_ref(&second), now).after.is_empty()
        );
        // Moved, it is taken away first; gone, it is only taken away.
        let moved = Picture { area: Rect { x: 2, ..second.area }, ..second.clone() };
        let change = gallery.change(&[moved], now);
        assert!(change.before.contains("a=d,d=I,i=1") && change.after.starts_with("\x1b[5;3H"));
        let change = gallery.change(&[], now);
        assert!(change.before.contains("a=d,d=I,i=1") && change.after.is_empty());
        // After the screen was cleared, all are sent.
        gallery.change(std::slice::from_ref(&second), now);
        gallery.forget();
        assert!(!gallery.change(&[second], now).after.is_empty());
    }
}
