//! What other programs call the settings of a run.
//!
//! In: a key or value that is none here. Out: what it is here, as an example from the top of the file or a source, where it is one of PyTorch, Lightning, Hugging Face, timm or
//! `WebDataset`. Deliberately not here: names that are nearly right, which the parser of the configuration tells.

/// What to write, by foreign keys.
const KEYS: &[(&[&str], &str)] = &[
    (&["lr", "learning_rate", "base_lr", "max_lr", "peak_lr"], "`rate: { peak: 1e-3 }`"),
    (&["min_lr", "eta_min", "lr_end"], "`rate: { end: 0.1 }`, a part of the peak"),
    (&["scheduler", "lr_scheduler", "lr_scheduler_type", "sched"], "`rate: { schedule: cosine }`"),
    (&["warmup_steps", "warmup_epochs", "warmup_ratio"], "`rate: { warmup: 500 steps }`, or `5%`"),
    (
        &["batch_size", "train_batch_size", "per_device_train_batch_size"],
        "`batch: 64`, of the whole run",
    ),
    (&["eval_batch_size", "per_device_eval_batch_size"], "`eval: { batch: 64 }`"),
    (&["gradient_accumulation_steps", "accumulate_grad_batches", "grad_accum"], "`accumulate: 4`"),
    (&["num_epochs", "max_epochs", "num_train_epochs"], "`epochs: 20`"),
    (&["max_steps", "num_steps", "total_steps", "iterations", "max_iters"], "`steps: 5000`"),
    (
        &["num_workers", "workers", "dataloader_num_workers"],
        "`data: { threads: 4 }`, beside `train:`",
    ),
    (&["weight_decay", "wd"], "`optimizer: { weight_decay: 0.05 }`"),
    (&["betas", "beta_1", "adam_beta1"], "`optimizer: { beta1: 0.9, beta2: 0.999 }`"),
    (
        &["clip_grad", "clip_norm", "max_grad_norm", "grad_clip", "gradient_clip_val"],
        "`optimizer: { clip: 1.0 }`",
    ),
    (&["opt", "optim", "type", "name"], "`optimizer: { kind: adamw }`"),
    (&["amp", "fp16", "bf16", "mixed_precision", "autocast"], "`precision: mixed`"),
    (&["gradient_checkpointing", "checkpointing"], "`recompute: [layers]`"),
    (&["random_seed", "manual_seed"], "`seed: 0`"),
    (&["output_dir", "save_dir", "out_dir", "log_dir", "default_root_dir"], "`folder: runs/mine`"),
    (
        &["pretrained", "checkpoint", "resume_from", "resume_from_checkpoint", "ckpt", "weights"],
        "`init: { from: FILE }`; `zorro train --resume` goes on with a run",
    ),
    (&["save_steps", "save_every", "save_interval"], "`checkpoints: { every: 1000 steps }`"),
    (&["eval_steps", "eval_every", "val_check_interval"], "`eval: { every: 1000 steps }`"),
    (&["val", "valid", "validation", "test", "dev"], "`data: { train: .., eval: .. }`"),
    (
        &["csv", "tsv", "manifest", "annotations", "index", "jsonl"],
        "`table`, of a source: `sources: [ { table: FILE.csv } ]`",
    ),
    (
        &["tar", "tars", "urls", "url", "wds"],
        "`shards`, of a source: `sources: [ { shards: FILES.tar } ]`",
    ),
    (
        &["root", "data_dir", "dir", "data_path", "path"],
        "`table`, of a source: `sources: [ { table: FILE.csv } ]`, with `folder: DIR` where its files lie elsewhere",
    ),
    (&["delimiter", "sep"], "`separator: semicolon`, beside `table`"),
    (&["transform", "transforms", "augmentations", "augmentation"], "`augment:`, by modality"),
    (
        &["class_names", "labels_map", "id2label", "label2id"],
        "`classes: { TARGET: FILE }`, beside `sources:`",
    ),
    (
        &["columns", "column_mapping", "fields"],
        "`roles: { COLUMN: NAME }`, beside `table` or `shards`",
    ),
    (&["model", "arch", "architecture"], "`spec: FILE.zorro`"),
    (&["loss", "criterion"], "`objective: NAME`, which the spec has"),
    (&["freeze", "frozen_layers"], "`frozen: ['video.**']`"),
];

/// What to write for a key that other programs have.
pub(super) fn key(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    KEYS.iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, write)| *write)
}

/// What to write for a device that other programs name so.
pub(super) fn device(name: &str) -> Option<&'static str> {
    let name = name.trim().to_ascii_lowercase();
    let kind = name.split(':').next().unwrap_or("");
    ["cuda", "mps", "vulkan", "metal", "rocm", "hip", "xpu", "tpu"].contains(&kind).then_some(
        "`gpu`, through Vulkan, Metal or DX12; `zorro devices` lists those that there are by number and name",
    )
}
