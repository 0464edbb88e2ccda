use super::{Argument, Write, argument, call, choice, renamed};

/// Arguments written as `name=value` or `value`, with `;` between them.
fn arguments(text: &str) -> Vec<Argument<'_>> {
    let parts = text.split(';').filter(|part| !part.is_empty());
    parts
        .map(|part| match part.split_once('=') {
            Some((name, value)) => Argument { name: Some(name), value },
            None => Argument { name: None, value: part },
        })
        .collect()
}

#[test]
fn calls_are_said_here() {
    let cases = [
        ("nn.Linear", "96;48", Some("linear(48)")),
        ("Dense", "units=48;use_bias=False", Some("linear(48, bias: false)")),
        ("nn.LayerNorm", "48;eps=1e-5", Some("norm(eps: 1e-5)")),
        ("nn.Embedding", "50;48", Some("embed(48)")),
        ("MultiHeadDotProductAttention", "num_heads=6", Some("attend(heads: 6)")),
        ("nn.Conv2d", "3;48;kernel_size=6;stride=6", Some("patches(6, 6) |> linear(48)")),
        ("nn.Conv2d", "3;48;3;padding=1", None),
        (
            "PatchEmbed",
            "img_size=24;patch_size=6;embed_dim=48",
            Some("patches(6, 6) |> linear(48)"),
        ),
        ("torch.cat", "[a, b];dim=1", Some("concat(a, b)")),
        ("jnp.concatenate", "(a, b);axis=-1", Some("join(a, b)")),
        (
            "TransformerEncoder",
            "num_layers=3;nhead=6",
            Some("layers: repeat 3 { apply vit(heads: 6) over { GROUP <- GROUP } }"),
        ),
        ("F.cross_entropy", "z;y;label_smoothing=0.1", Some("cross_entropy(z, y, smoothing: 0.1)")),
        ("nn.Flatten", "", Some("")),
        ("nn.Mish", "", None),
    ];
    for (path, args, expected) in cases {
        let answer = call(path, &arguments(args)).unwrap_or_else(|| panic!("{path}"));
        let written = match answer.write {
            Write::Here(text) | Write::Statement(text) => Some(text),
            Write::Nothing => Some(String::new()),
            Write::AsSaid => None,
        };
        assert_eq!(written.as_deref(), expected, "{path}({args})");
    }
    assert_eq!(call("frobnicate", &[]), None);
}

#[test]
fn arguments_get_our_names() {
    let vit = &["heads", "ratio?", "drop?"];
    let cases: [(&str, &[&str], &str, Option<&str>); 5] = [
        ("vit", vit, "num_heads=6;mlp_ratio=2;batch_first=True", Some("vit(heads: 6, ratio: 2)")),
        ("vit", vit, "heads=6;colour=2", None),
        ("vit", vit, "heads=6", None),
        ("patches", &["sizes.."], "kernel_size=6", Some("patches(6, 6)")),
        (
            "logmel",
            &["bins", "window", "hop", "fft?"],
            "n_mels=40;n_fft=512;win_length=400;hop_length=160",
            Some("logmel(bins: 40, fft: 512, window: 400, hop: 160)"),
        ),
    ];
    for (name, params, args, expected) in cases {
        let written = renamed(name, params, &arguments(args));
        assert_eq!(written.as_deref(), expected, "{name}({args})");
    }
    assert_eq!(argument("nHead"), ["heads"]);
    assert_eq!(choice("cls", &["mean", "first"]), Some(("first", "")));
}
