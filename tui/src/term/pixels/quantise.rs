//! A picture in few colours: median cut (Heckbert 1982, "Color image quantization for frame buffer display").

use crate::term::palette::Rgb;

/// Bits of each channel by which colours are counted.
const BITS: u32 = 5;

/// A picture of at most 256 colours.
#[derive(Debug)]
pub struct Indexed {
    /// The colours. The first is not used: it stands for transparent pixels.
    pub palette: Vec<Rgb>,
    /// The index of each pixel's colour.
    pub indices: Vec<u8>,
}

/// A colour of [`BITS`] bits a channel: its number, the sum of its pixels' levels, and their count.
#[derive(Clone, Copy)]
struct Entry {
    number: usize,
    sums: [u64; 3],
    count: u64,
}

impl Entry {
    fn channel(&self, channel: usize) -> u64 {
        self.sums[channel] / self.count
    }
}

/// Reduces RGBA pixels to `colours`, 2 to 256, one of which is for transparent pixels.
pub fn quantise(rgba: &[u8], colours: usize) -> Indexed {
    let pixels = rgba.as_chunks::<4>().0;
    let mut table = vec![None::<Entry>; 1 << (3 * BITS)];
    for &[r, g, b, _] in pixels.iter().filter(|pixel| pixel[3] > 0) {
        let number = number([r, g, b]);
        let entry = table[number].get_or_insert(Entry { number, sums: [0; 3], count: 0 });
        entry.sums.iter_mut().zip([r, g, b]).for_each(|(sum, level)| *sum += u64::from(level));
        entry.count += 1;
    }
    let boxes = cut(table.into_iter().flatten().collect(), colours.clamp(2, 256) - 1);
    let mut palette = vec![[0; 3]];
    let mut index_of = vec![0u8; 1 << (3 * BITS)];
    for entries in boxes {
        let count: u64 = entries.iter().map(|entry| entry.count).sum();
        let mean = |channel: usize| {
            let sum: u64 = entries.iter().map(|entry| entry.sums[channel]).sum();
            ((sum + count / 2) / count) as u8
        };
        entries.iter().for_each(|entry| index_of[entry.number] = palette.len() as u8);
        palette.push([0, 1, 2].map(mean));
    }
    let index = |&[r, g, b, a]: &[u8; 4]| if a > 0 { index_of[number([r, g, b])] } else { 0 };
    Indexed { palette, indices: pixels.iter().map(index).collect() }
}

/// Returns the number of a colour in the table.
fn number(colour: Rgb) -> usize {
    colour.into_iter().fold(0, |number, level| number << BITS | usize::from(level) >> (8 - BITS))
}

/// Divides colours into at most `most` boxes: again and again the box with the most pixels times its longest side, where
/// half of its pixels lie on either side.
fn cut(entries: Vec<Entry>, most: usize) -> Vec<Vec<Entry>> {
    let mut boxes: Vec<Vec<Entry>> = Some(entries).filter(|entries| !entries.is_empty()).into_iter().collect();
    while boxes.len() < most {
        let weight =
            |entries: &Vec<Entry>| entries.iter().map(|entry| entry.count).sum::<u64>() * longest_side(entries).1;
        let heaviest = boxes.iter().enumerate().map(|(at, entries)| (weight(entries), at)).max();
        let Some((1.., at)) = heaviest else { break };
        let mut entries = boxes.swap_remove(at);
        let (channel, _) = longest_side(&entries);
        entries.sort_unstable_by_key(|entry| (entry.channel(channel), entry.number));
        let half = entries.iter().map(|entry| entry.count).sum::<u64>() / 2;
        let mut below = 0;
        let middle = entries.iter().position(|entry| {
            below += entry.count;
            below > half
        });
        let upper = entries.split_off(middle.unwrap_or(1).clamp(1, entries.len() - 1));
        boxes.extend([entries, upper]);
    }
    boxes
}

/// Returns the channel in which the colours of a box differ most, and by how much; 0 for one colour.
fn longest_side(entries: &[Entry]) -> (usize, u64) {
    let side = |channel: usize| {
        let levels = entries.iter().map(|entry| entry.channel(channel));
        levels.clone().max().unwrap_or(0) - levels.min().unwrap_or(0)
    };
    let sides = [0, 1, 2].map(|channel| (channel, side(channel)));
    // Entries of one number are one: a box of two entries differs in some channel.
    sides.into_iter().max_by_key(|(_, side)| *side).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_colours_are_kept_and_many_are_near() {
        let few = [[255, 0, 0, 255], [0, 0, 255, 255], [255, 0, 0, 255], [9, 9, 9, 0]].concat();
        let Indexed { palette, indices } = quantise(&few, 16);
        let colour = |at: usize| palette[usize::from(indices[at])];
        assert_eq!(
            (palette.len(), colour(0), colour(1), indices[0] == indices[2]),
            (3, [255, 0, 0], [0, 0, 255], true)
        );
        assert_eq!(indices[3], 0, "transparent");

        let ramp: Vec<u8> = (0..=255u8).flat_map(|level| [level, 255 - level, 128, 255]).collect();
        for (colours, most) in [(256, 8), (64, 8), (17, 16), (2, 255)] {
            let Indexed { palette, indices } = quantise(&ramp, colours);
            assert!(palette.len() <= colours, "{}", palette.len());
            let far = ramp
                .as_chunks::<4>()
                .0
                .iter()
                .zip(&indices)
                .map(|(pixel, index)| palette[usize::from(*index)][0].abs_diff(pixel[0]));
            assert!(far.clone().max() <= Some(most), "{colours} colours: {:?}", far.max());
        }
        assert_eq!(quantise(&[], 256).palette.len(), 1);
    }
}
