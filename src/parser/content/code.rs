//! Backticks: which runs of them open and close code, found once for the whole text.

use crate::sorted::SortedMap;

/// A run of backticks.
struct Run {
    start: usize,
    len: usize,
    line: usize,
    /// Nothing but up to three spaces before it on its line.
    opens_line: bool,
    /// Nothing but white space after it on its line.
    closes_line: bool,
    /// The next run of the same length.
    next_same: Option<usize>,
    /// The next run at least as long that can close a fence.
    next_fence: Option<usize>,
}

/// All runs of a text.
pub(super) struct Runs(Vec<Run>);

/// Code found at a run: all of it is `start..end`, the code itself `inner`.
pub(super) struct Span {
    pub end: usize,
    pub inner: (usize, usize),
    /// The info string's range, for a fenced block.
    pub info: Option<(usize, usize)>,
}

impl Runs {
    pub(super) fn find(text: &str) -> Runs {
        let bytes = text.as_bytes();
        let mut runs = Vec::new();
        let (mut at, mut line, mut line_start, mut seen) = (0, 0, 0, 0);
        while let Some(offset) = bytes.get(at..).and_then(|rest| memchr::memchr(b'`', rest)) {
            let start = at + offset;
            let len = bytes
                .get(start..)
                .unwrap_or_default()
                .iter()
                .take_while(|b| **b == b'`')
                .count();
            let between = bytes.get(seen..start).unwrap_or_default();
            if let Some(last) = memchr::memrchr(b'\n', between) {
                line += memchr::memchr_iter(b'\n', between).count();
                line_start = seen + last + 1;
            }
            let indent = bytes.get(line_start..start).unwrap_or_default();
            let after = bytes.get(start + len..).unwrap_or_default();
            let blank = after.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
            runs.push(Run {
                start,
                len,
                line,
                opens_line: indent.len() <= 3 && indent.iter().all(|b| *b == b' '),
                closes_line: matches!(after.get(blank), None | Some(b'\n')),
                next_same: None,
                next_fence: None,
            });
            at = start + len;
            seen = at;
        }
        link(&mut runs);
        Runs(runs)
    }

    /// The code that opens with the run at byte `at`. `next` remembers where the last call stopped looking.
    pub(super) fn code_at(&self, text: &str, at: usize, next: &mut usize) -> Option<Span> {
        while self.0.get(*next).is_some_and(|run| run.start < at) {
            *next += 1;
        }
        let run = self.0.get(*next).filter(|run| run.start == at)?;
        self.fenced(text, run).or_else(|| self.inline(text, run))
    }

    /// The end of the run at `at`, if that is where one starts.
    pub(super) fn run_end(&self, at: usize, next: usize) -> usize {
        self.0
            .get(next)
            .filter(|run| run.start == at)
            .map_or(at + 1, |run| run.start + run.len)
    }

    fn fenced(&self, text: &str, run: &Run) -> Option<Span> {
        if run.len < 3 || !run.opens_line {
            return None;
        }
        let info_at = run.start + run.len;
        let close = self.0.get(run.next_fence?)?;
        let between = text.get(info_at..close.start)?;
        let line_end = info_at + memchr::memchr(b'\n', between.as_bytes())?;
        let info = text.get(info_at..line_end)?;
        if info.contains('`') {
            return None;
        }
        let inner_end = text.get(..close.start)?.trim_end_matches(' ').len();
        // The line break before the closing fence belongs to the fence.
        let inner_end = text
            .get(line_end + 1..inner_end)
            .and_then(|code| code.strip_suffix('\n'))
            .map_or(line_end + 1, |code| line_end + 1 + code.len());
        Some(Span {
            end: close.start + close.len,
            inner: (line_end + 1, inner_end),
            info: Some((info_at, line_end)),
        })
    }

    fn inline(&self, text: &str, run: &Run) -> Option<Span> {
        let close = self.0.get(run.next_same?)?;
        // One or two backticks are often meant as quotation marks or accents: they pair only
        // within a line, and a single one opens nothing in the middle of a word.
        let in_word = text.get(..run.start)?.ends_with(char::is_alphanumeric);
        if run.len < 3 && (close.line != run.line || run.len == 1 && in_word) {
            return None;
        }
        let (from, to) = (run.start + run.len, close.start);
        let code = text.get(from..to)?;
        if code.trim().is_empty() {
            return None;
        }
        Some(Span {
            end: close.start + close.len,
            inner: (from, to),
            info: None,
        })
    }
}

/// Fills in the next runs, from right to left; every run is visited a bounded number of times.
fn link(runs: &mut [Run]) {
    let mut last_of_len: SortedMap<usize, usize> = SortedMap::new();
    // Closing fences to the right, the nearest last, each longer than those nearer.
    let mut fences: Vec<(usize, usize)> = Vec::new();
    for (index, run) in runs.iter_mut().enumerate().rev() {
        run.next_same = last_of_len.insert(run.len, index);
        if run.len < 3 || !run.opens_line {
            continue;
        }
        while fences.last().is_some_and(|(len, _)| *len < run.len && run.closes_line) {
            fences.pop();
        }
        // Those still there are sorted by length, the longest first.
        let longer = fences.partition_point(|(len, _)| *len >= run.len);
        run.next_fence = longer
            .checked_sub(1)
            .and_then(|at| fences.get(at))
            .map(|(_, index)| *index);
        if run.closes_line {
            fences.push((run.len, index));
        }
    }
}
