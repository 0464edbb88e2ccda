//! Which masks a user asks for.
//!
//! In: a model, a route, the path of a layer. Out: the masks there, or what there is instead. Deliberately not here:
//! showing them.

use std::collections::BTreeSet;

use zorro::{Use, masks, masks_where};
use zorro_compiler::Model;
use zorro_grammar::diagnostic::nearest;

use super::Failure;

/// The masks of steps that are below a path and over a route, where these are given.
pub(super) fn select(
    model: &Model,
    route: Option<&str>,
    layer: Option<&str>,
) -> Result<Vec<Use>, Failure> {
    let selected = masks_where(model, |path, over| {
        layer.is_none_or(|layer| is_below(path, layer))
            && route.is_none_or(|route| over == Some(route))
    });
    if !selected.is_empty() {
        return Ok(selected);
    }
    let all = masks(model);
    if all.is_empty() {
        return Err(Failure::Work(format!("the model `{}` has no attention", model.name)));
    }
    let routes: BTreeSet<&str> =
        all.iter().flat_map(|used| &used.routes).map(String::as_str).collect();
    if let Some(route) = route.filter(|route| !routes.contains(route)) {
        let what = format!("no attention is over a route `{route}`");
        let there_are: Vec<&str> = routes.iter().copied().collect();
        return Err(nothing(&what, route, routes, "routes", &there_are.join(", ")));
    }
    let layers = layers(&all);
    let places: Vec<String> = all.iter().map(Use::places).collect();
    let Some(layer) = layer else { unreachable!("a known route alone selects its masks") };
    let what = match route {
        Some(route) if layers.contains(layer) => {
            return Err(Failure::Work(format!(
                "no attention at `{layer}` is over the route `{route}`"
            )));
        }
        Some(_) | None => format!("there is no attention at `{layer}`"),
    };
    Err(nothing(&what, layer, layers, "layers", &places.join(", ")))
}

fn is_below(path: &str, layer: &str) -> bool {
    path.strip_prefix(layer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The paths of all attention steps, and all that they are below.
fn layers(uses: &[Use]) -> BTreeSet<&str> {
    let mut layers = BTreeSet::new();
    for path in uses.iter().flat_map(|used| &used.paths) {
        layers.insert(path.as_str());
        layers.extend(path.match_indices('.').map(|(at, _)| &path[..at]));
    }
    layers
}

fn nothing(what: &str, asked: &str, names: BTreeSet<&str>, kind: &str, there_are: &str) -> Failure {
    let meant =
        nearest(asked, names).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let there_are = if there_are.is_empty() { "none has a name" } else { there_are };
    Failure::Work(format!("{what}{meant}; {kind}: {there_are}"))
}
