//! The shaders of a model.
//!
//! In: a checked model, what is wanted of it, and what a device can do. Out: the plan and its shaders, with text forms that are
//! made to be kept as snapshots. Deliberately not here: files, which [`crate::emit`] makes; devices.

use std::fmt;

use zorro_compiler::cost::bytes;
use zorro_compiler::plan::Plan;
use zorro_compiler::program::{Program, Target, program};
use zorro_compiler::{Checked, CompileError, CompileOptions, compile};

/// A compiled model.
#[derive(Debug, Clone, PartialEq)]
pub struct Shaders {
    /// What is computed, in which order, and where everything lies.
    pub plan: Plan,
    /// The same as shaders.
    pub program: Program,
}

/// How much of shaders is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Texts where all of them are short enough to be read, else a line for each shader.
    #[default]
    Auto,
    /// A line for each shader.
    Summary,
    /// The texts, too.
    Full,
}

/// The most lines of texts that [`Detail::Auto`] shows.
const READABLE_LINES: usize = 400;

/// Compiles a model to shaders.
///
/// # Errors
///
/// As [`compile`]: names that the model does not have, outputs that cannot be had without a missing modality, memory beyond
/// the budget.
///
/// ```
/// use zorro::{CompileOptions, Detail, Options, Target, check_text, shaders};
///
/// let spec = "model m {
///   modality photo = image(size: 4)
///   tokens photo = photo |> patches(2, 2) |> norm() |> gelu
///   output all = photo
/// }";
/// let checked = check_text(spec, &Options::default()).checked.expect("nothing is wrong");
/// let shaders = shaders(&checked, &CompileOptions::default(), &Target::PORTABLE)?;
/// assert!(shaders.text(Detail::Full).contains("@compute @workgroup_size"));
/// # Ok::<(), zorro::CompileError>(())
/// ```
pub fn shaders(
    checked: &Checked,
    options: &CompileOptions,
    target: &Target,
) -> Result<Shaders, CompileError> {
    let plan = compile(checked, options)?;
    let program = program(&plan, target);
    Ok(Shaders { plan, program })
}

impl Shaders {
    /// The text form; it ends in a newline.
    #[must_use]
    pub fn text(&self, detail: Detail) -> String {
        let lines = self.program.shaders.iter().map(|shader| shader.text.lines().count());
        let is_full = match detail {
            Detail::Auto => lines.sum::<usize>() <= READABLE_LINES,
            Detail::Summary => false,
            Detail::Full => true,
        };
        let program = if is_full { self.program.full() } else { self.program.to_string() };
        self.head() + &program
    }

    fn head(&self) -> String {
        let memory = self.plan.memory();
        let Plan { name, batch, .. } = &self.plan;
        format!(
            "program {name}, batch {batch}\nmemory  {}: {memory}\n",
            bytes(memory.total().into())
        )
    }
}

/// A line for each shader.
impl fmt::Display for Shaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Detail::Summary))
    }
}
