//! Writes a run for TensorBoard: `events.out.tfevents.*`, a file of `Event` messages. Format:
//! tensorboard/compat/proto/event.proto and summary.proto of <https://github.com/tensorflow/tensorboard>.

use std::{
    io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use crc::{CRC_32_ISCSI, Crc};
use duel_models::picture::Picture;
use prost::{Message, Oneof};

use super::{
    append::AppendFile,
    record::{EventKind, Metrics},
    scalars::SCALARS,
};

/// The start of the file names. The time at which the trainer started follows, in seconds since 1970.
pub(super) const NAME: &str = "events.out.tfevents";

/// The file of one trainer. A trainer that resumes a run writes a new file, whose first records make TensorBoard hide
/// the repeated steps of earlier files. A partial record of a killed trainer is therefore always at the end of a file,
/// where TensorBoard ignores it.
#[derive(Debug)]
pub(super) struct TensorBoardWriter {
    file: AppendFile,
    /// The step of the last record; none before the first record.
    last: Option<u64>,
}

impl TensorBoardWriter {
    /// Returns a file that TensorBoard reads after the files in `dir`. It is created with its first record.
    pub(super) fn new(dir: &Path) -> io::Result<Self> {
        let mut seconds = now() as u64;
        for entry in dir.read_dir()? {
            // TensorBoard reads files in the order of their names, and a clock may have been set back.
            if let Some(before) = entry?.file_name().to_str().and_then(start_time) {
                seconds = seconds.max(before.saturating_add(1));
            }
        }
        Ok(Self { file: AppendFile::lazy(dir.join(format!("{NAME}.{seconds:010}.duel"))), last: None })
    }

    /// Writes the scalars of a measured step. Values that are NaN are left out, such as the two parts of a loss that
    /// has none.
    pub(super) fn write_metrics(&mut self, metrics: &Metrics) -> io::Result<()> {
        let scalars = SCALARS.iter().map(|scalar| (scalar.tag.to_owned(), (scalar.read)(metrics)));
        self.scalars(metrics.step, scalars)
    }

    /// Writes a grid of samples; `png` is the picture as a PNG file.
    pub(super) fn write_samples(&mut self, step: u64, picture: &Picture, png: Vec<u8>) -> io::Result<()> {
        let (height, width) = (picture.height as i32, picture.width as i32);
        let image = Image { height, width, colorspace: picture.channels as i32, encoded_image_string: png };
        self.summary(step, vec![Value { tag: "samples".to_owned(), value: Some(Shown::Image(image)) }])
    }

    /// Writes the scores of an evaluation. Any event of an earlier step than the last record is a rollback, and starts
    /// a session.
    pub(super) fn write_event(&mut self, step: u64, kind: &EventKind) -> io::Result<()> {
        match kind {
            EventKind::Evaluation { scores, .. } => {
                let scores = scores.iter().map(|(name, score)| (format!("evaluation/{name}"), *score));
                self.scalars(step, scores)
            }
            _ => self.start_session(step),
        }
    }

    fn scalars(&mut self, step: u64, scalars: impl Iterator<Item = (String, f64)>) -> io::Result<()> {
        let known = scalars.filter(|(_, value)| !value.is_nan());
        let values = known.map(|(tag, value)| Value { tag, value: Some(Shown::SimpleValue(value as f32)) });
        self.summary(step, values.collect())
    }

    fn summary(&mut self, step: u64, value: Vec<Value>) -> io::Result<()> {
        let started = self.start_session(step);
        started.and(self.write(step, Content::Summary(Summary { value })))
    }

    /// Starts a session if training starts, resumes or rolls back; before the first record, starts the file.
    /// TensorBoard hides the records of earlier sessions at the first step of a session and later. The first step is
    /// `step + 1`, because training goes on after `step`; a new training starts at 0, where it draws samples.
    fn start_session(&mut self, step: u64) -> io::Result<()> {
        let started = match self.last {
            None => self.write(0, Content::FileVersion("brain.Event:2".to_owned())),
            Some(last) if step >= last => {
                self.last = Some(step);
                return Ok(());
            }
            Some(_) => Ok(()),
        };
        let first = if self.last.is_none() && step == 0 { 0 } else { step + 1 };
        self.last = Some(step);
        started.and(self.write(first, Content::SessionLog(SessionLog { status: START })))
    }

    fn write(&mut self, step: u64, what: Content) -> io::Result<()> {
        self.file.add(&record(&Event { wall_time: now(), step: step as i64, what: Some(what) }))
    }

    /// Writes the bytes that wait, as many as the disk has room for.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// Syncs the written bytes to the disk, so that they survive a power cut.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// Returns the number of bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.file.waiting()
    }
}

/// Returns the seconds since 1970.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Returns the start time in the name of a file.
fn start_time(name: &str) -> Option<u64> {
    name.strip_prefix(NAME)?.strip_prefix('.')?.split('.').next()?.parse().ok()
}

/// Encodes a message as a TFRecord: length, checksum of the length, message, checksum of the message
/// (<https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details>).
fn record(event: &Event) -> Vec<u8> {
    let message = event.encode_to_vec();
    let length = (message.len() as u64).to_le_bytes();
    [&length[..], &masked_crc(&length), &message, &masked_crc(&message)].concat()
}

/// Returns the masked CRC-32C of `bytes`. A CRC of bytes that contain a CRC would be weak without the mask.
fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
    CRC.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// The value of `SessionLog.START`.
const START: i32 = 1;

#[derive(Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "Content", tags = "3, 5, 7")]
    what: Option<Content>,
}

#[derive(Oneof)]
enum Content {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

#[derive(Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(oneof = "Shown", tags = "2, 4")]
    value: Option<Shown>,
}

#[derive(Oneof)]
enum Shown {
    #[prost(float, tag = "2")]
    SimpleValue(f32),
    #[prost(message, tag = "4")]
    Image(Image),
}

#[derive(Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded_image_string: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_equal_those_of_tensorboard_byte_for_byte() {
        // from tensorboard.compat.proto.event_pb2 import Event, SessionLog; from tensorboard.compat.proto.summary_pb2 import Summary
        // from tensorboard.summary.writer.record_writer import RecordWriter; import io; f = io.BytesIO(); w = RecordWriter(f)
        // v = [Summary.Value(tag="loss/generator", simple_value=0.75),
        //      Summary.Value(tag="samples", image=Summary.Image(height=28, width=56, colorspace=1, encoded_image_string=b"\x89PNG"))]
        // w.write(Event(wall_time=1.5, file_version="brain.Event:2").SerializeToString())
        // w.write(Event(wall_time=1.5, step=41, session_log=SessionLog(status=1)).SerializeToString())
        // w.write(Event(wall_time=2.5, step=50, summary=Summary(value=v)).SerializeToString())
        // w.write(Event(wall_time=2.5, step=0, session_log=SessionLog(status=1)).SerializeToString()); print(f.getvalue().hex())
        let expected = "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c0f000000000000006d532b09\
                        09000000000000f83f10293a020801a6ac353d3d000000000000006049f1ec09000000000000044010322a300a150a0e6c6f7373\
                        2f67656e657261746f72150000403f0a170a0773616d706c6573220c081c10381801220489504e47ddf6dcf20d00000000000000\
                        3c37b8340900000000000004403a0208011da550a8";
        let image = Image { height: 28, width: 56, colorspace: 1, encoded_image_string: b"\x89PNG".to_vec() };
        let values = [("loss/generator", Shown::SimpleValue(0.75)), ("samples", Shown::Image(image))];
        let value = values.map(|(tag, value)| Value { tag: tag.to_owned(), value: Some(value) }).into();
        let start = || Content::SessionLog(SessionLog { status: START });
        let records = [
            (1.5, 0, Content::FileVersion("brain.Event:2".to_owned())),
            (1.5, 41, start()),
            (2.5, 50, Content::Summary(Summary { value })),
            (2.5, 0, start()),
        ];
        let records = records.map(|(wall_time, step, what)| record(&Event { wall_time, step, what: Some(what) }));
        let found: String = records.concat().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, expected);
    }

    /// Returns step and kind of each record in the files of a directory, in TensorBoard's reading order.
    fn read(dir: &Path) -> Vec<(i64, &'static str)> {
        let entries = dir.read_dir().expect("there").map(|entry| entry.expect("readable").path());
        let mut files: Vec<_> = entries.collect();
        files.sort();
        let mut found = Vec::new();
        for file in files {
            let bytes = std::fs::read(file).expect("readable");
            let mut rest = &bytes[..];
            while let Some((length, after)) = rest.split_first_chunk() {
                let length = u64::from_le_bytes(*length) as usize;
                let event = Event::decode(&after[4..4 + length]).expect("an event");
                found.push((
                    event.step,
                    match event.what.expect("a kind") {
                        Content::FileVersion(_) => "version",
                        Content::SessionLog(_) => "start",
                        Content::Summary(summary) if summary.value[0].tag == "samples" => "samples",
                        Content::Summary(_) => "scalars",
                    },
                ));
                rest = &after[8 + length..];
            }
        }
        found
    }

    #[test]
    fn a_resume_or_rollback_hides_repeated_steps() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let scores = || EventKind::Evaluation {
            judge: String::new(),
            scores: [("frechet".to_owned(), 1.5)].into(),
            real: Default::default(),
        };
        let resumed = EventKind::Resumed { steps: 9 };
        let picture = Picture { width: 1, height: 1, channels: 1, pixels: vec![7] };
        let mut first = TensorBoardWriter::new(dir.path()).expect("space");
        first
            .write_event(0, &resumed)
            .and(first.write_samples(0, &picture, vec![7]))
            .and(first.write_event(4, &scores()))
            .expect("space");
        // A rollback to step 2.
        first.write_event(2, &resumed).and(first.write_event(3, &scores())).expect("space");
        // Another trainer that starts within the same second.
        let mut second = TensorBoardWriter::new(dir.path()).expect("space");
        second.write_event(2, &resumed).and(second.write_event(5, &scores())).expect("space");
        let [version, start, samples, scalars] = ["version", "start", "samples", "scalars"];
        let first = [(0, version), (0, start), (0, samples), (4, scalars), (3, start), (3, scalars)];
        let second = [(0, version), (3, start), (5, scalars)];
        assert_eq!(read(dir.path()), [&first[..], &second].concat());
    }
}
