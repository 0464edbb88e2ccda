//! How long kernels take on a device.
//!
//! In: a pass for each dispatch, which writes the time before and behind it. Out: seconds by kernel. Deliberately not here:
//! runs that are not looked at, which have one pass for all and are faster.

use wgpu::{
    Buffer, BufferUsages, CommandEncoder, ComputePassTimestampWrites,
    QUERY_RESOLVE_BUFFER_ALIGNMENT, QUERY_SET_MAX_QUERIES, QUERY_SIZE, QuerySet,
    QuerySetDescriptor, QueryType,
};

use super::Gpu;
use super::buffers::buffer;
use super::results::mapped;
use crate::RuntimeError;

/// Dispatches of a set of queries: two for each.
const OF_SET: usize = QUERY_SET_MAX_QUERIES as usize / 2;

/// Times of kernels.
#[derive(Debug)]
pub(super) struct Profile {
    sets: Vec<QuerySet>,
    resolved: Buffer,
    staging: Buffer,
    /// Nanoseconds of a tick.
    period: f32,
    pub(super) seconds: Vec<f64>,
}

impl Profile {
    pub(super) fn new(gpu: &Gpu, dispatches: usize, kernels: usize) -> Result<Self, RuntimeError> {
        let size = (u64::from(QUERY_SET_MAX_QUERIES) * u64::from(QUERY_SIZE))
            .next_multiple_of(QUERY_RESOLVE_BUFFER_ALIGNMENT);
        let n_sets = dispatches.div_ceil(OF_SET).max(1);
        let size = size * n_sets as u64;
        let descriptor = QuerySetDescriptor {
            label: Some("times"),
            ty: QueryType::Timestamp,
            count: QUERY_SET_MAX_QUERIES,
        };
        let make = || (0..n_sets).map(|_| gpu.device().create_query_set(&descriptor)).collect();
        Ok(Self {
            sets: gpu.guarded("kernels were to be timed", make)?,
            resolved: buffer(
                gpu,
                size,
                BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC,
                "times",
            )?,
            staging: buffer(gpu, size, BufferUsages::MAP_READ | BufferUsages::COPY_DST, "times")?,
            period: gpu.queue().get_timestamp_period(),
            seconds: vec![0.0; kernels],
        })
    }

    /// What the pass of a dispatch writes.
    pub(super) fn of(&self, dispatch: usize) -> ComputePassTimestampWrites<'_> {
        let query = u32::try_from(2 * (dispatch % OF_SET)).expect("a set is small");
        ComputePassTimestampWrites {
            query_set: &self.sets[dispatch / OF_SET],
            beginning_of_pass_write_index: Some(query),
            end_of_pass_write_index: Some(query + 1),
        }
    }

    /// Copies the times of so many dispatches to where they can be read.
    pub(super) fn finish(&self, encoder: &mut CommandEncoder, dispatches: usize) {
        let mut end = 0;
        for (at, set) in self.sets.iter().enumerate() {
            let own = 2 * dispatches.saturating_sub(at * OF_SET).min(OF_SET);
            let own = u32::try_from(own).expect("a set is small");
            if own > 0 {
                let begin = at as u64 * u64::from(QUERY_SET_MAX_QUERIES) * u64::from(QUERY_SIZE);
                encoder.resolve_query_set(set, 0..own, &self.resolved, begin);
                end = begin + u64::from(own) * u64::from(QUERY_SIZE);
            }
        }
        if end > 0 {
            encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.staging, 0, end);
        }
    }

    /// Adds the times of dispatches, of these kernels, to those of the runs before.
    pub(super) fn read(
        &mut self,
        gpu: &Gpu,
        kernels: impl Iterator<Item = usize>,
    ) -> Result<(), RuntimeError> {
        let kernels: Vec<usize> = kernels.collect();
        let size = 2 * u64::from(QUERY_SIZE) * kernels.len() as u64;
        if size == 0 {
            return Ok(());
        }
        // Sets lie after one another, and all but the last are full.
        let ticks: Vec<u64> = mapped(gpu, &self.staging, size, bytemuck::pod_collect_to_vec)?;
        for (kernel, pair) in kernels.into_iter().zip(ticks.chunks_exact(2)) {
            let ticks = pair[1].saturating_sub(pair[0]);
            self.seconds[kernel] += ticks as f64 * f64::from(self.period) * 1e-9;
        }
        Ok(())
    }
}
