//! Where in a text each key stands, and what is wrong there.
//!
//! In: YAML. Out: places by path (`optimizer.beta1`, `data.train.sources[0].take`), and mistakes that know theirs. With `check.rs`
//! the only file here that knows how YAML is read. Deliberately not here: drawing mistakes.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

/// Line and column, both from 1.
pub type Place = (usize, usize);

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, if that is known.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as the user knows it.
    pub file: String,
    /// Its text.
    pub text: String,
    /// All mistakes that were found.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            match problem.place {
                Some((line, column)) => write!(f, "{}:{line}:{column}: ", self.file)?,
                None => write!(f, "{}: ", self.file)?,
            }
            f.write_str(&problem.message)?;
            if let Some(help) = &problem.help {
                write!(f, " ({help})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The places of all keys and values of a text.
#[derive(Debug, Clone, Default)]
pub struct Places(Tree);

#[derive(Debug, Clone, Default)]
enum Tree {
    #[default]
    Leaf,
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
    List(Vec<Spanned<Self>>),
}

fn place<T>(spanned: &Spanned<T>) -> Place {
    let location = spanned.referenced;
    (number(location.line()), number(location.column()))
}

fn number(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(1)
}

impl Places {
    /// Reads the places of a text; none where it is no YAML.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(serde_yaml::from_str(text).unwrap_or_default())
    }

    /// The place of a path; that of the nearest key above where it is not there.
    #[must_use]
    pub fn of_path(&self, path: &str) -> Option<Place> {
        self.find(path, false)
    }

    /// The place of the key that a path ends with.
    #[must_use]
    pub fn of_key(&self, path: &str) -> Option<Place> {
        self.find(path, true)
    }

    fn find(&self, path: &str, of_keys: bool) -> Option<Place> {
        let (mut tree, mut found) = (&self.0, None);
        for part in path.split(['.', '[']) {
            let part = part.strip_suffix(']').unwrap_or(part);
            let next = match tree {
                Tree::Leaf => None,
                Tree::Map(entries) => {
                    entries.iter().find(|(key, _)| key.value == part).map(|(key, value)| {
                        // What a block holds begins below its key: the key is what to look at.
                        let holds_more = matches!(value.value, Tree::Map(_) | Tree::List(_));
                        (
                            if holds_more || of_keys { place(key) } else { place(value) },
                            &value.value,
                        )
                    })
                }
                Tree::List(items) => {
                    let item = part.parse().ok().and_then(|at: usize| items.get(at));
                    item.map(|item| (place(item), &item.value))
                }
            };
            let Some((at, below)) = next else { break };
            (tree, found) = (below, Some(at));
        }
        found
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Tree;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Tree::Map(entries))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Tree::List(items))
            }
            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Tree, E> {
                Ok(Tree::Leaf)
            }
            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Tree, E> {
                Ok(Tree::Leaf)
            }
            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Tree, E> {
                Ok(Tree::Leaf)
            }
            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Tree, E> {
                Ok(Tree::Leaf)
            }
            fn visit_str<E: de::Error>(self, _: &str) -> Result<Tree, E> {
                Ok(Tree::Leaf)
            }
            fn visit_unit<E: de::Error>(self) -> Result<Tree, E> {
                Ok(Tree::Leaf)
            }
            fn visit_none<E: de::Error>(self) -> Result<Tree, E> {
                Ok(Tree::Leaf)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
