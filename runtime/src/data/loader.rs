//! Batches made ahead by threads, in one order whatever their number.
//!
//! In: a collection and which samples are wanted when. Out: batches, one after the other. A thread makes whole batches; what
//! a batch holds is settled before any thread begins with it. Deliberately not here: what a batch holds.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::host::{Host, Moment};
use super::media::Trouble;
use super::mix;
use super::order::{Order, Pick};
use super::recipe::Sample;
use super::{DataError, Found, Loaded};
use crate::memory;

/// So many batches may wait beside those that threads are making.
const N_WAITING: u64 = 2;
/// So long nobody looks whether somebody wants to stop.
const A_WHILE: Duration = Duration::from_millis(100);
/// So many samples in a row are tried where one is broken.
const N_ATTEMPTS: usize = 1000;

/// Batches, one after the other.
pub struct Loader {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    failed: Option<DataError>,
    blocked: Duration,
    stop: Option<Arc<AtomicBool>>,
}

/// What is wanted.
pub(super) struct Wanted {
    pub(super) batch: usize,
    pub(super) seed: u64,
    pub(super) mixup: Option<f64>,
    pub(super) dropout: Option<Vec<f64>>,
    pub(super) row: Row,
}

/// Which samples, in which order.
pub(super) enum Row {
    /// Drawn without end.
    Training(Order),
    /// Each once.
    Evaluation(Once),
}

/// Samples once, in order, each of them as often as clips are taken of it.
#[derive(Debug, Default)]
pub(super) struct Once {
    /// Clips that were taken.
    next: u64,
    /// Which samples; `None` for all.
    chosen: Option<Vec<u64>>,
}

impl Once {
    pub(super) fn chosen(samples: Vec<u64>) -> Self {
        Self { next: 0, chosen: Some(samples) }
    }

    /// The clip that comes next.
    fn pick(&self, found: &Found) -> Option<Pick> {
        let sample = self.next / found.clips;
        let number = match &self.chosen {
            Some(chosen) => *chosen.get(usize::try_from(sample).ok()?)?,
            None => sample,
        };
        let pick = found.sample(number)?;
        Some(Pick { clip: self.next % found.clips, ..pick })
    }
}

struct Shared {
    found: Arc<Found>,
    batch: usize,
    seed: u64,
    mixup: Option<f64>,
    dropout: Option<Vec<f64>>,
    is_training: bool,
    capacity: u64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    row: Row,
    /// Batches that were begun.
    begun: u64,
    /// Batches that were handed out.
    given: u64,
    ready: BTreeMap<u64, Outcome>,
    is_stopped: bool,
}

/// A batch, or the panic that ended its making.
type Outcome = Result<Result<Made, DataError>, Box<dyn Any + Send>>;

/// What comes of asking threads for a batch.
enum Taken {
    Batch(Outcome),
    /// The last one was taken before.
    Nothing,
    NotYet,
}

/// A batch that is to be made.
struct Job {
    number: u64,
    picks: Vec<Pick>,
}

/// A batch that was made.
struct Made {
    loaded: Option<Loaded>,
    /// Samples that were tried for it.
    tried: u64,
    /// Samples that could not be read: source, number, why.
    broken: Vec<(usize, usize, String)>,
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl Loader {
    pub(super) fn new(
        found: Arc<Found>,
        wanted: Wanted,
        threads: usize,
    ) -> Result<Self, DataError> {
        let Wanted { batch, seed, mixup, dropout, row } = wanted;
        let is_training = matches!(row, Row::Training(_));
        let state = State { row, begun: 0, given: 0, ready: BTreeMap::new(), is_stopped: false };
        let shared = Arc::new(Shared {
            found,
            batch,
            seed,
            mixup,
            dropout,
            is_training,
            capacity: threads as u64 + N_WAITING,
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let mut loader =
            Self { shared, threads: Vec::new(), failed: None, blocked: Duration::ZERO, stop: None };
        for _ in 0..threads {
            let shared = Arc::clone(&loader.shared);
            let builder = std::thread::Builder::new().name("zorro-data".to_owned());
            let thread = builder.spawn(move || shared.work());
            loader.threads.push(thread.map_err(|error| DataError::Threads(error.to_string()))?);
        }
        Ok(loader)
    }

    /// From now on looks at a flag that says stop: then nobody waits for a batch any more.
    pub fn heed(&mut self, stop: &Arc<AtomicBool>) {
        self.stop = Some(Arc::clone(stop));
    }

    /// The next batch; `None` after the last, which training does not have.
    ///
    /// # Errors
    ///
    /// Too many samples are broken; a program is missing; the flag says stop. The same error comes again when asked again.
    // Like an iterator's, but with errors that end it.
    #[expect(clippy::should_implement_trait, reason = "an iterator would not stop at errors")]
    pub fn next(&mut self) -> Result<Option<Loaded>, DataError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let begin = Instant::now();
        let result = self.wait();
        self.blocked += begin.elapsed();
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }

    /// How long [`Self::next`] has waited for data, all in all.
    #[must_use]
    pub fn blocked(&self) -> Duration {
        self.blocked
    }

    fn wait(&mut self) -> Result<Option<Loaded>, DataError> {
        loop {
            if self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                return Err(DataError::Stopped);
            }
            let outcome = if self.threads.is_empty() {
                let job = self.shared.lock().begin(&self.shared);
                job.map(|job| Ok(self.shared.make(&job)))
            } else {
                match self.shared.take() {
                    Taken::Batch(outcome) => Some(outcome),
                    Taken::Nothing => None,
                    Taken::NotYet => continue,
                }
            };
            let Some(outcome) = outcome else { return Ok(None) };
            let made = outcome.unwrap_or_else(|panic| resume_unwind(panic))?;
            self.shared.found.note(made.broken, made.tried)?;
            // In evaluation, a batch whose samples are all broken is left out.
            if let Some(loaded) = made.loaded {
                return Ok(Some(loaded));
            }
            if self.shared.is_training {
                return Err(self.shared.found.nothing_left());
            }
        }
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.lock().is_stopped = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A thread's panic was handed to whoever waited for its batch.
            let _ = thread.join();
        }
    }
}

impl State {
    /// The next batch that is to be made, if there is one.
    fn begin(&mut self, shared: &Shared) -> Option<Job> {
        let mut picks = Vec::new();
        match &mut self.row {
            Row::Training(order) => picks.extend((0..shared.batch).map(|_| order.next())),
            Row::Evaluation(row) => {
                while let Some(pick) =
                    row.pick(&shared.found).filter(|_| picks.len() < shared.batch)
                {
                    picks.push(pick);
                    row.next += 1;
                }
            }
        }
        if picks.is_empty() {
            return None;
        }
        self.begun += 1;
        Some(Job { number: self.begun - 1, picks })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does.
    fn work(&self) {
        loop {
            let mut state = self.lock();
            while !state.is_stopped && state.begun >= state.given + self.capacity {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.is_stopped {
                return;
            }
            let Some(job) = state.begin(self) else {
                return;
            };
            drop(state);
            let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| self.make(&job)));
            self.lock().ready.insert(job.number, outcome);
            self.changed.notify_all();
        }
    }

    /// The next batch that threads have made, waiting for it for a while.
    fn take(&self) -> Taken {
        let mut state = self.lock();
        loop {
            let wanted = state.given;
            if let Some(outcome) = state.ready.remove(&wanted) {
                state.given += 1;
                drop(state);
                self.changed.notify_all();
                return Taken::Batch(outcome);
            }
            let is_over = match &state.row {
                Row::Training(_) => false,
                Row::Evaluation(row) => row.pick(&self.found).is_none(),
            };
            if is_over && state.given == state.begun {
                return Taken::Nothing;
            }
            let waited = self.changed.wait_timeout(state, A_WHILE);
            let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                return Taken::NotYet;
            }
            state = again;
        }
    }

    /// Makes a batch.
    fn make(&self, job: &Job) -> Result<Made, DataError> {
        let mut made = Made { loaded: None, tried: 0, broken: Vec::new() };
        let (mut samples, mut keys, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for pick in &job.picks {
            if let Some((sample, key)) = self.read(pick, &mut made)? {
                samples.push(sample);
                keys.push(key);
                places.push(pick.at);
            } else if self.is_training {
                return Ok(made);
            }
        }
        if samples.is_empty() {
            return Ok(made);
        }
        self.has_room(samples.len())?;
        if let Some(alpha) = self.mixup {
            mix::mixup(&mut samples, &places, self.seed, alpha);
        }
        if let Some(rates) = &self.dropout {
            mix::drop_modalities(&mut samples, &places, self.seed, rates);
        }
        let epoch = if self.is_training { job.picks[0].at / self.found.len() } else { 0 };
        let batch = mix::batch(&samples, &self.found.recipe);
        made.loaded = Some(Loaded { batch, keys, places, epoch });
        Ok(made)
    }

    /// Whether there is memory for the tensors of so many samples, twice where they are mixed.
    fn has_room(&self, samples: usize) -> Result<(), DataError> {
        let recipe = &self.found.recipe;
        let fed = recipe.hosts.iter().map(Host::numbers);
        let told = recipe.targets.iter().map(|target| target.shape.iter().product());
        let numbers = fed.chain(told).fold(0_usize, usize::saturating_add);
        let copies = 1 + usize::from(self.mixup.is_some());
        let bytes =
            [samples, copies, size_of::<f32>()].into_iter().fold(numbers, usize::saturating_mul);
        memory::room(bytes, "a batch of samples").map_err(|error| DataError::Machine {
            name: "the loader".to_owned(),
            message: error.to_string(),
        })
    }

    /// A sample, or in training the next one of its source that can be read.
    fn read(&self, pick: &Pick, made: &mut Made) -> Result<Option<(Sample, String)>, DataError> {
        let source = &self.found.sources[pick.source];
        let moment = Moment {
            seed: self.seed,
            at: pick.at,
            is_training: self.is_training,
            clip: self.found.clip,
            part: (self.found.clips > 1 && !self.is_training)
                .then_some((pick.clip, self.found.clips)),
        };
        let attempts = if self.is_training { source.len().min(N_ATTEMPTS) } else { 1 };
        for attempt in 0..attempts {
            let number = (pick.number + attempt) % source.len();
            made.tried += 1;
            match source.read(number, &self.found.recipe, &moment) {
                Ok(sample) => return Ok(Some((sample, source.key(number)))),
                Err(Trouble::Why(why)) => made.broken.push((pick.source, number, why)),
                Err(
                    trouble @ (Trouble::Declared(_) | Trouble::Machine(_) | Trouble::NoDecoder(_)),
                ) => return Err(trouble.error(source.name(number))),
            }
        }
        Ok(None)
    }
}
