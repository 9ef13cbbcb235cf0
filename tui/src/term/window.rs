//! The terminal while the program has taken it over: drawing, input, and its state restored at every exit.

use std::{
    io::{self, BufWriter, Read, Stdout, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    panic,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use crossterm::{
    cursor,
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute, queue,
    terminal::{
        self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
        LeaveAlternateScreen,
    },
};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process,
};
use signal_hook::{
    consts::{SIGCONT, SIGTSTP, SIGWINCH},
    flag, low_level,
};

use super::{
    alarm::Alarm,
    charset::Charset,
    input::{Key, Keys},
    look::Look,
    pixels::{self, Gallery, Picture, PixelTerminal},
    signals,
    theme::{Colors, Theme},
    tty,
};

/// The shortest time between two drawings: at most 8 a second.
const FRAME: Duration = Duration::from_millis(125);

/// Bytes of a drawing that are written at once.
const WRITE: usize = 64 << 10;

/// Whether the terminal is taken over. Static, because the panic hook has no other way to know.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// An input from outside the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(Key),
    /// The whole screen must be drawn again: its size has changed, or the program was continued.
    Redraw,
    /// The screen should be drawn again, because a picture can now be sent in more detail.
    Finer,
    /// Another process has asked this one to suspend itself.
    Suspend,
    /// The terminal has vanished, or another process has asked this one to end.
    Gone,
}

type Screen = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// Flags that signal handlers set, and a pipe that they write to.
#[derive(Debug)]
struct Signals {
    end: Arc<AtomicBool>,
    redraw: Arc<AtomicBool>,
    suspend: Arc<AtomicBool>,
    /// Readable after a signal. A signal that arrives between the look at the flags and the wait for input would
    /// otherwise be noticed at the next key only.
    pipe: UnixStream,
    /// Whether the signals that ask for the end end the process at once, as by default: set once the terminal is restored.
    default: Arc<AtomicBool>,
}

impl Signals {
    fn register() -> io::Result<Self> {
        let [end, redraw, suspend, default] = std::array::from_fn(|_| Arc::new(AtomicBool::new(false)));
        let ends: Vec<i32> = signals::ends().collect();
        for &signal in &ends {
            flag::register_conditional_default(signal, default.clone())?;
            flag::register(signal, end.clone())?;
        }
        for signal in [SIGWINCH, SIGCONT] {
            flag::register(signal, redraw.clone())?;
        }
        flag::register(SIGTSTP, suspend.clone())?;
        // After the flags: handlers run in the order of their registration, so that the flag is set when the pipe is readable.
        let pipe = signals::pipe(ends.into_iter().chain([SIGWINCH, SIGCONT, SIGTSTP]))?;
        pipe.set_nonblocking(true)?;
        Ok(Self { end, redraw, suspend, pipe, default })
    }

    /// Empties the pipe.
    fn drain(&self) {
        let mut bytes = [0; 64];
        while matches!((&self.pipe).read(&mut bytes), Ok(count) if count == bytes.len()) {}
    }
}

/// The terminal, taken over until this is dropped.
#[derive(Debug)]
pub struct Window {
    /// The characters and colours that the terminal shows.
    pub theme: Theme,
    terminal: Screen,
    keys: Keys,
    /// The time at which bytes of keys were read last.
    typed: Instant,
    /// Keys that were pressed while the terminal was asked for its abilities.
    early: Vec<Key>,
    signals: Signals,
    drawn: Option<Instant>,
    gallery: Option<Gallery>,
}

impl Window {
    /// Takes the terminal over: raw mode, alternate screen, no cursor, no mouse. An error if pixels are asked for and the
    /// terminal does not say that it shows them.
    pub fn open(look: Look) -> Result<Self> {
        let open = || -> io::Result<Self> {
            let signals = Signals::register()?;
            give_back_on_panic();
            take()?;
            let terminal = blank().inspect_err(|_| give_back())?;
            let theme = Theme::detect(look);
            let (keys, early) = (Keys::default(), Vec::new());
            Ok(Self { theme, terminal, keys, typed: Instant::now(), early, signals, drawn: None, gallery: None })
        };
        let mut window = open().context("cannot take the terminal over")?;
        if asks_for_pixels(look.charset, window.theme)? {
            let (terminal, bytes) = pixel_terminal(look.charset)?;
            window.early = window.keys.feed(&bytes);
            window.typed = Instant::now();
            window.gallery = terminal.map(Gallery::new);
        }
        if window.gallery.is_some() {
            window.theme.charset = Charset::Pixels;
        }
        Ok(window)
    }

    /// Returns the time until the next drawing is due.
    pub fn until_due(&self) -> Duration {
        self.drawn.map_or(Duration::ZERO, |drawn| FRAME.saturating_sub(drawn.elapsed()))
    }

    /// Returns the columns and rows that the next drawing fills.
    pub fn size(&mut self) -> (u16, u16) {
        let area = self.terminal.get_frame().area();
        (area.width, area.height)
    }

    /// Draws in one synchronized update. Only changed cells and pictures are sent. `draw` returns the pictures that are
    /// drawn as pixels.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame) -> Vec<Picture>) -> io::Result<()> {
        let now = Instant::now();
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let pictures = draw(&mut self.terminal.get_frame());
        let change = self.gallery.as_mut().map(|gallery| gallery.change(&pictures, now)).unwrap_or_default();
        self.terminal.backend_mut().write_all(change.before.as_bytes())?;
        self.terminal.flush()?;
        self.terminal.swap_buffers();
        self.terminal.backend_mut().write_all(change.after.as_bytes())?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.drawn = Some(now);
        io::Write::flush(self.terminal.backend_mut())
    }

    /// Waits for input, `timeout` at most.
    pub fn wait(&mut self, timeout: Duration) -> Vec<Input> {
        self.wait_or(timeout, None)
    }

    /// Waits for input or for an alarm, `timeout` at most.
    pub fn wait_or(&mut self, timeout: Duration, alarm: Option<&Alarm>) -> Vec<Input> {
        if !self.early.is_empty() {
            return self.early.drain(..).map(Input::Key).collect();
        }
        let until_finer = self.gallery.as_ref().and_then(|gallery| gallery.until_finer(Instant::now()));
        let timeout = timeout.min(until_finer.map_or(Duration::MAX, |until| until.max(self.until_due())));
        let timeout = timeout.min(self.until_given_up().unwrap_or(Duration::MAX));
        let stdin = io::stdin();
        let mut fds = vec![PollFd::new(&stdin, PollFlags::IN), PollFd::new(&self.signals.pipe, PollFlags::IN)];
        fds.extend(alarm.and_then(Alarm::fd).map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        // A time that is too long for a timespec is no limit.
        let polled = poll(&mut fds, Timespec::try_from(timeout).ok().as_ref());
        let events = fds[0].revents();
        self.signals.drain();
        let mut inputs = match polled {
            // A signal interrupted the call: its flag is read below.
            Err(Errno::INTR) => Vec::new(),
            Err(_) => return vec![Input::Gone],
            Ok(_) if events.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => return vec![Input::Gone],
            Ok(0) if self.until_given_up() == Some(Duration::ZERO) => {
                self.keys.finish().map(Input::Key).into_iter().collect()
            }
            Ok(_) if events.contains(PollFlags::IN) => self.read(stdin.as_fd()),
            Ok(_) => Vec::new(),
        };
        let is_set = |flag: &AtomicBool| flag.swap(false, Ordering::Relaxed);
        for (flag, input) in [
            (&self.signals.redraw, Input::Redraw),
            (&self.signals.suspend, Input::Suspend),
            (&self.signals.end, Input::Gone),
        ] {
            inputs.extend(is_set(flag).then_some(input));
        }
        let is_finer = |gallery: &Gallery| gallery.until_finer(Instant::now()) == Some(Duration::ZERO);
        inputs.extend(self.gallery.as_ref().is_some_and(is_finer).then_some(Input::Finer));
        inputs
    }

    /// Returns the time until an unfinished sequence of bytes is given up.
    fn until_given_up(&self) -> Option<Duration> {
        Some(self.keys.patience()?.saturating_sub(self.typed.elapsed()))
    }

    fn read(&mut self, fd: impl AsFd) -> Vec<Input> {
        let mut bytes = [0; 1024];
        match rustix::io::read(fd, &mut bytes) {
            Ok(0) => vec![Input::Gone],
            Ok(count) => {
                self.typed = Instant::now();
                self.keys.feed(&bytes[..count]).into_iter().map(Input::Key).collect()
            }
            Err(Errno::INTR | Errno::AGAIN) => Vec::new(),
            Err(_) => vec![Input::Gone],
        }
    }

    /// Restores the terminal, stops this process until it is continued, and takes the terminal over again.
    ///
    /// Without a shell that could continue it, the process is not stopped.
    pub fn suspend(&mut self) -> io::Result<()> {
        if !has_shell() {
            return Ok(());
        }
        give_back();
        // Like Ctrl-Z: suspends the other processes of the job, such as a pager, and then this process itself.
        process::kill_current_process_group(process::Signal::TSTP)?;
        low_level::emulate_default_handler(SIGTSTP)?;
        self.signals.suspend.store(false, Ordering::Relaxed);
        self.take_again()
    }

    /// Takes the terminal over again after a suspension or a resize. Clears the screen, so that the next drawing sends
    /// every cell.
    pub fn take_again(&mut self) -> io::Result<()> {
        take()?;
        // Not `Terminal::clear`: it asks the terminal for the cursor's position and waits for the answer among the
        // keys.
        self.terminal = blank()?;
        if let Some(gallery) = &mut self.gallery {
            gallery.forget();
        }
        Ok(())
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if let Some(gallery) = &mut self.gallery {
            // An error means that the terminal has vanished.
            let _ = self.terminal.backend_mut().write_all(gallery.change(&[], Instant::now()).before.as_bytes());
            let _ = io::Write::flush(self.terminal.backend_mut());
        }
        give_back();
        self.signals.default.store(true, Ordering::Relaxed);
    }
}

/// Tells whether the parent belongs to the same session: then it is a shell that can continue a stopped job.
fn has_shell() -> bool {
    let Some(parent) = process::getppid() else { return false };
    matches!((process::getsid(Some(parent)), process::getsid(None)), (Ok(theirs), Ok(ours)) if theirs == ours)
}

/// Tells whether to ask the terminal for pixels. An error if `charset` demands them where they cannot pass.
fn asks_for_pixels(charset: Charset, theme: Theme) -> Result<bool> {
    let is_multiplexed = pixels::is_multiplexed(|name| std::env::var(name).ok());
    if charset == Charset::Pixels {
        ensure!(
            !is_multiplexed,
            "--charset pixels: tmux, screen and zellij do not pass pictures on; leave --charset out here"
        );
        return Ok(true);
    }
    let shows_unicode = theme.charset == Charset::Braille && theme.colors != Colors::None;
    Ok(charset == Charset::Auto && shows_unicode && !is_multiplexed)
}

/// Asks the terminal, which must be in raw mode, whether it shows pixels; returns also the bytes that were read meanwhile.
/// An error if `charset` demands pixels and the terminal does not show them.
fn pixel_terminal(charset: Charset) -> Result<(Option<PixelTerminal>, Vec<u8>)> {
    let (terminal, bytes) = pixels::ask().context("cannot ask the terminal")?;
    ensure!(
        terminal.is_some() || charset != Charset::Pixels,
        "--charset pixels: the terminal does not answer that it shows kitty's graphics, iTerm2's images or sixel; leave \
         --charset out"
    );
    Ok((terminal, bytes))
}

/// Asks the terminal whether it shows pixels, without taking it over. Keys that are pressed meanwhile are lost. An error if
/// `charset` demands pixels and they are not to be had.
pub fn ask_for_pixels(charset: Charset, theme: Theme) -> Result<Option<PixelTerminal>> {
    ensure!(tty::is_there() || charset != Charset::Pixels, "--charset pixels needs a terminal on stdin and stdout");
    if !tty::is_there() || !asks_for_pixels(charset, theme)? {
        return Ok(None);
    }
    terminal::enable_raw_mode().context("cannot ask the terminal")?;
    let asked = pixel_terminal(charset);
    terminal::disable_raw_mode().context("cannot restore the terminal")?;
    // A terminal that knows none of the questions may have printed a part of them.
    _ = write!(io::stdout(), "\r\x1b[K");
    Ok(asked?.0)
}

/// Makes an empty screen of the terminal's present [`size`](tty::size).
fn blank() -> io::Result<Screen> {
    execute!(io::stdout(), Clear(ClearType::All))?;
    let backend = CrosstermBackend::new(BufWriter::with_capacity(WRITE, io::stdout()));
    // Not the full screen: ratatui would ask the terminal for its size, which may be 0×0.
    let (width, height) = tty::size();
    let viewport = Viewport::Fixed(Rect { x: 0, y: 0, width, height });
    Terminal::with_options(backend, TerminalOptions { viewport })
}

fn take() -> io::Result<()> {
    TAKEN.store(true, Ordering::Relaxed);
    terminal::enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide).inspect_err(|_| give_back())
}

/// Restores the terminal if it is taken over. Errors are ignored: a terminal that has vanished cannot be restored.
fn give_back() {
    if TAKEN.swap(false, Ordering::Relaxed) {
        let mut stdout = io::stdout();
        #[cfg(feature = "train")]
        let _ = super::title::restore();
        let _ = execute!(stdout, EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = terminal::disable_raw_mode();
        let _ = stdout.flush();
    }
}

/// Makes a panic restore the terminal before its message is printed.
fn give_back_on_panic() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        give_back();
        before(info);
    }));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use duel_tests::pty::Pty;

    use super::*;

    #[test]
    fn a_panic_restores_the_terminal_before_it_prints_its_message() {
        // This test starts itself again as a child process on a pseudo-terminal. The variable tells the child to panic.
        const CHILD: &str = "DUEL_TEST_PANICS";
        if std::env::var_os(CHILD).is_some() {
            let mut window = Window::open(Look { charset: Charset::Half, ..Look::default() }).expect("a terminal");
            let draw = |frame: &mut Frame| {
                frame.render_widget("drawn", frame.area());
                Vec::new()
            };
            window.draw(draw).expect("a terminal");
            panic!("on purpose");
        }
        let this = std::env::current_exe().expect("the test's executable has a path");
        let this = this.to_str().expect("the path is UTF-8");
        let name = "term::window::tests::a_panic_restores_the_terminal_before_it_prints_its_message";
        let arguments = [this, "--exact", name, "--nocapture"];
        let mut pty = Pty::start((80, 24), std::path::Path::new("/"), &[(CHILD, "1")], &arguments);
        pty.expect("on purpose");
        assert!(pty.end(Duration::from_secs(5)).is_some_and(|status| !status.success()));
        let text = pty.text();
        let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what:?} in {text:?}"));
        assert!(place("\x1b[?1049h") < place("drawn") && place("drawn") < place("\x1b[?1049l"));
        assert!(place("\x1b[?1049l") < place("on purpose"));
        assert!(pty.is_cooked() && text.contains("\x1b[?25h"));
    }
}
