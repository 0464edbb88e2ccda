//! The maps that come with this program, by name.
//!
//! In: a name. Out: the map, or its text. Deliberately not here: how maps in files are read.

use zorro_compiler::grammar::diagnostic::nearest;

use super::NameMap;

/// A map that comes with this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// Its name.
    pub name: &'static str,
    /// Its YAML text.
    pub text: &'static str,
}

/// All of them.
pub const SHIPPED: &[Shipped] = &[
    Shipped { name: "hf_vit", text: include_str!("maps/hf_vit.yaml") },
    Shipped { name: "timm_swin", text: include_str!("maps/timm_swin.yaml") },
    Shipped { name: "timm_vit", text: include_str!("maps/timm_vit.yaml") },
];

impl Shipped {
    /// The map of a name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        SHIPPED.iter().copied().find(|shipped| shipped.name == name)
    }

    /// What to say where a file of this name is not there.
    #[must_use]
    pub fn hint(name: &str) -> String {
        let names = SHIPPED.iter().map(|shipped| shipped.name);
        match nearest(name, names.clone()) {
            Some(near) => format!("did you mean the map `{near}`?"),
            None => {
                format!("maps that come with zorro are {}", names.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// The map.
    ///
    /// # Panics
    /// Never: a test reads all of them.
    #[must_use]
    pub fn map(self) -> NameMap {
        let map = NameMap::parse(self.name, self.text).expect("a test reads all of them");
        NameMap { is_shipped: true, ..map }
    }
}
