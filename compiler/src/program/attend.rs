//! Attention and its gradients.
//!
//! In: an attention and what is wanted of it. Out: shaders that visit what its schedule says and nothing else. All kinds but
//! the gradient of the score bias have one frame, `attend.wgsl`: owners (queries, or for the gradients of keys and values
//! the keys) visit others. A kind's own skeleton says what is kept of them, and how it is made of one block. What a row is, how
//! lanes come to the rows of a block, and who visits whom is written here; ranges are literals where there are few, else
//! words of the program's constants.
//!
//! Deliberately not here: who reads whom (a schedule says it all), delta.

mod geometry;
mod listed;
mod meet;
mod rows;
mod scores;
mod visits;

use super::kit::{Draft, Kit, grid};
use super::text::float;
use crate::graph::{Attention, AttentionId, tokens};
use crate::plan::{AttendKind, Body};
use crate::routing::Direction;
use geometry::Geometry;
use listed::Written;
use rows::{Form, Sharing};
use visits::Visits;

/// What a kernel reads and writes, by the number of the operand.
#[derive(Debug, Clone, Copy)]
struct Operands {
    bias: Option<usize>,
    statistics: usize,
    delta: usize,
    cotangent: usize,
}

const QUERIES: usize = 0;
const KEYS: usize = 1;
const VALUES: usize = 2;

impl Operands {
    fn of(attention: &Attention) -> Self {
        let bias = attention.window.as_ref().map(|_| 3);
        let first = 3 + usize::from(bias.is_some());
        Self { bias, statistics: first, delta: first + 1, cotangent: first + 2 }
    }
}

/// The shaders of an attention kernel.
pub(super) fn draft(kit: &Kit<'_>, kind: AttendKind, id: AttentionId) -> Vec<Draft> {
    let attention = &kit.plan.attentions[id.0 as usize];
    match kind {
        AttendKind::Scores => vec![scores::draft(kit, attention)],
        AttendKind::Forward { .. } | AttendKind::Queries | AttendKind::KeysValues { .. } => {
            vec![of_owners(kit, kind, attention)]
        }
    }
}

/// Whether the kernels of a body read words of the program's constants.
pub(super) fn reads_constants(plan: &crate::plan::Plan, body: &Body) -> bool {
    let Body::Attend(kind, id) = body else { return false };
    let attention = &plan.attentions[id.0 as usize];
    *kind == AttendKind::Scores || !visits::are_literal(attention, direction(*kind))
}

/// Reads whose numbers come in fours, for heads of whole fours: those of rows.
pub(super) fn loads_fours(plan: &crate::plan::Plan, body: &Body) -> Vec<usize> {
    let Body::Attend(kind, id) = body else { return vec![] };
    let attention = &plan.attentions[id.0 as usize];
    if !attention.head_width().is_multiple_of(4) || *kind == AttendKind::Scores {
        return vec![];
    }
    vec![QUERIES, KEYS, VALUES, Operands::of(attention).cotangent]
}

fn direction(kind: AttendKind) -> Direction {
    match kind {
        AttendKind::Forward { .. } | AttendKind::Queries | AttendKind::Scores => Direction::Forward,
        AttendKind::KeysValues { .. } => Direction::Transposed,
    }
}

fn of_owners(kit: &Kit<'_>, kind: AttendKind, attention: &Attention) -> Draft {
    let geometry = Geometry::new(kit, attention, direction(kind));
    let visits = Visits::of(&geometry, visits::are_literal(attention, direction(kind)));
    let form = Form::of(kit.target, attention, visits.most());
    let Written { text: visits, words: constants, tiles } = visits.text(&form);
    let Attention { heads, .. } = attention;
    let batch = kit.plan.batch;
    let mut functions = format!(
        "const TILES: u32 = {}u;\nconst HEADS: u32 = {heads}u;\nconst BATCH: u32 = {batch}u;\n\
         // One over the square root of the numbers of a head.\nconst SCALE: f32 = {};\n\
         // Others of a block.\nconst BLOCK: u32 = {}u;\n",
        tiles,
        float(1.0 / (attention.head_width() as f64).sqrt()),
        form.block,
    );
    if let Sharing::Workgroup { rows } = form.sharing {
        functions += &format!("// Others that are staged at once.\nconst STAGE: u32 = {rows}u;\n");
    }
    functions.push('\n');
    functions += &visits;
    functions += &rows::text(&form, geometry.is_causal());
    functions += &meet::text(kit, kind, attention, &form, geometry.is_causal());
    functions += match form.sharing {
        Sharing::Subgroup(_) => concat!(
            include_str!("skeletons/attend_blocks.wgsl"),
            "\n",
            include_str!("skeletons/attend_main_subgroup.wgsl")
        ),
        Sharing::Workgroup { .. } => concat!(
            include_str!("skeletons/attend_staged.wgsl"),
            "\n",
            include_str!("skeletons/attend_main.wgsl")
        ),
        Sharing::Nothing => concat!(
            include_str!("skeletons/attend_blocks.wgsl"),
            "\n",
            include_str!("skeletons/attend_main.wgsl")
        ),
    };
    let skeleton = match kind {
        AttendKind::Forward { .. } => {
            concat!(
                include_str!("skeletons/attend.wgsl"),
                "\n",
                include_str!("skeletons/attend_forward.wgsl")
            )
        }
        AttendKind::Queries => {
            concat!(
                include_str!("skeletons/attend.wgsl"),
                "\n",
                include_str!("skeletons/attend_queries.wgsl")
            )
        }
        AttendKind::KeysValues { .. } => concat!(
            include_str!("skeletons/attend.wgsl"),
            "\n",
            include_str!("skeletons/attend_keys_values.wgsl")
        ),
        AttendKind::Scores => unreachable!("they have no owners"),
    };
    Draft {
        functions,
        skeleton,
        workgroup: [form.threads, 1, 1],
        workgroups: grid(kit, tiles * heads * batch),
        constants,
        ..Draft::default()
    }
}

/// Rows of a side before each of its groups, in what has the groups of this side and nothing else.
fn compact_rows(sides: &[crate::routing::Side], batch: usize) -> Vec<usize> {
    let before = sides.iter().scan(0, |rows, side| {
        let first = *rows;
        *rows += batch * tokens(side);
        Some(first)
    });
    before.collect()
}
