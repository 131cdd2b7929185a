//! A single-threaded executor whose order of tasks comes from a seed.
//!
//! The browser runs four workers side by side and delivers their messages in any
//! interleaving; a seed stands for one of these.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// xorshift64*: small, seedable, good enough to shuffle with.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

struct Woken {
    task: usize,
    queue: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        let mut queue = self.queue.lock().unwrap();
        if !queue.contains(&self.task) {
            queue.push(self.task);
        }
    }
}

/// More turns without a rest are a loop.
const MAX_TURNS: u64 = 5_000_000;

/// Runs tasks that were woken, one poll at a time, in an order drawn from the seed.
pub struct Executor<'a> {
    tasks: Vec<Option<Pin<Box<dyn Future<Output = ()> + 'a>>>>,
    wakers: Vec<Waker>,
    queue: Arc<Mutex<Vec<usize>>>,
    random: Random,
}

impl<'a> Executor<'a> {
    pub fn new(seed: u64) -> Executor<'a> {
        Executor {
            tasks: Vec::new(),
            wakers: Vec::new(),
            queue: Arc::default(),
            random: Random::new(seed),
        }
    }

    /// Adds a task; its number.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + 'a) -> usize {
        let woken = Woken {
            task: self.tasks.len(),
            queue: self.queue.clone(),
        };
        let waker = Waker::from(Arc::new(woken));
        waker.wake_by_ref();
        self.wakers.push(waker);
        self.tasks.push(Some(Box::pin(task)));
        self.tasks.len() - 1
    }

    /// Drops a task in the middle of whatever it was at, and runs another in its place.
    pub fn replace(&mut self, number: usize, task: impl Future<Output = ()> + 'a) {
        self.tasks[number] = Some(Box::pin(task));
        self.wakers[number].wake_by_ref();
    }

    /// Polls until no task can go on. Returns how many have not finished.
    pub fn run(&mut self) -> usize {
        let mut turns = 0u64;
        while self.turn() {
            turns += 1;
            assert!(turns < MAX_TURNS, "the roles keep each other busy for ever");
        }
        self.tasks.iter().flatten().count()
    }

    /// Polls one task. False if none can go on.
    pub fn turn(&mut self) -> bool {
        let next = {
            let mut queue = self.queue.lock().unwrap();
            if queue.is_empty() {
                return false;
            }
            let at = self.random.below(queue.len());
            queue.swap_remove(at)
        };
        let Some(task) = &mut self.tasks[next] else { return true };
        let mut cx = Context::from_waker(&self.wakers[next]);
        if let Poll::Ready(()) = task.as_mut().poll(&mut cx) {
            self.tasks[next] = None;
        }
        true
    }
}
