//! Sums of rows for each id of a vocabulary.
//!
//! In: rows, the order of ids and where each id begins in it. Out: a shader of which each invocation has one number of one
//! id's sum. Ids are sorted by the host, so that nothing is added by two invocations at once. Deliberately not here: lookups
//! by id, which are loads.

use super::kit::{Draft, Kit, function, grid};
use super::text::{sum, times};

/// Invocations of a workgroup.
const WORKGROUP: usize = 64;

pub(super) fn draft(kit: &Kit<'_>, vocabulary: usize, width: usize) -> Draft {
    let order = kit.load_integer(1, "at");
    let row = kit.load(0, &sum(&[times(&order, width), "column".to_owned()]));
    let lines = [
        format!("let id = element / {width}u;"),
        format!("let column = element % {width}u;"),
        "var all = 0.0;".to_owned(),
        format!("let end = {};", kit.load_integer(2, "id + 1u")),
        format!("for (var at = {}; at < end; at++) {{", kit.load_integer(2, "id")),
        format!("  all += {row};"),
        "}".to_owned(),
        kit.store(0, "element", "all"),
    ];
    let elements = vocabulary * width;
    Draft {
        functions: format!(
            "const ELEMENTS: u32 = {elements}u;\n\n{}",
            function("fn element(element: u32)", &lines)
        ),
        skeleton: include_str!("skeletons/elements.wgsl"),
        workgroup: [u32::try_from(WORKGROUP).expect("workgroups are small"), 1, 1],
        workgroups: grid(kit, elements.div_ceil(WORKGROUP)),
        ..Draft::default()
    }
}
