//! Options that several commands have.
//!
//! In: the words of the command line. Out: typed values. Deliberately not here: what a setting's value means;
//! it is an expression of the language, and the compiler reads it.

use clap::ValueEnum;

/// The params that the user sets.
#[derive(clap::Args)]
pub(super) struct Settings {
    /// Set a param of the model; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub(super) settings: Vec<Setting>,
}

/// `NAME=VALUE`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: String,
    /// As written.
    pub(super) value: String,
}

/// For people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

fn setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || value.is_empty() {
        return Err("expected NAME=VALUE".to_owned());
    }
    Ok(Setting { name: name.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::setting;

    #[test]
    fn settings() {
        let parsed = setting("sizes = [1, 2]").unwrap();
        assert_eq!((parsed.name.as_str(), parsed.value.as_str()), ("sizes", "[1, 2]"));
        assert_eq!(setting("a=b==c").unwrap().value, "b==c");
        assert!(setting("dim").is_err());
        assert!(setting("dim=").is_err());
        assert!(setting("=3").is_err());
    }
}
