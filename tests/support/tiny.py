"""The tiny experiment: pre-training, fine-tuning and evaluation of a Zorro in seconds, on clips below `{root}`."""

TINY = """
name: tiny
data:
  paired:
    use: shapes_and_sounds
    split: paired
    samples: 32
    root: {root}
    batch_size: 8
    clip: {{seconds: 2.0}}
    modalities:
      video: {{use: frames, fps: 4, size: 32, augment: [flip]}}
      audio: {{use: log_mel, bins: 16, hop: 0.0625}}
  labelled:
    use: shapes_and_sounds
    split: train
    samples: 32
    root: {root}
    batch_size: 8
    clip: {{seconds: 2.0}}
    modalities:
      video: {{use: frames, fps: 4, size: 32, augment: [flip]}}
      audio: {{use: log_mel, bins: 16, hop: 0.0625}}
graph:
  video: {{use: tubelets, in: batch.video, patch: [4, 16, 16], width: 16}}
  audio: {{use: spectrogram_patches, in: batch.audio, patch: [16, 8], width: 16}}
  fusion: {{use: latents, tokens: 2, width: 16}}
  encoder: {{use: vit, in: [video, audio, fusion], mask: zorro, depth: 2, heads: 2, dropout: 0.1}}
  pooled: {{use: query_readout, in: encoder, mask: zorro}}
  video_z: {{use: projection, in: pooled.video, width: 8}}
  audio_z: {{use: projection, in: pooled.audio, width: 8}}
  labels: {{use: linear_heads, in: pooled, classes: 16}}
pure: {{labels.audio: [audio], labels.video: [video], audio_z: [audio]}}
stages:
  pretrain:
    task: train
    data: paired
    steps: 6
    checkpoint_every: 2
    log_every: 2
    optimizer: {{use: adamw, lr: 0.001}}
    schedule: {{use: cosine, warmup: 2}}
    objectives: {{av: {{use: info_nce, in: [video_z, audio_z]}}}}
  finetune:
    task: train
    init: pretrain
    data: labelled
    steps: 4
    ema: 0.9
    checkpoint_every: 2
    log_every: 2
    optimizer: {{use: adamw, lr: 0.001}}
    objectives: {{labels: {{use: cross_entropy, in: [labels, batch.label]}}}}
  evaluate:
    task: evaluate
    init: finetune
    data: labelled
    present: [[audio], [video], [audio, video]]
    metrics:
      accuracy: {{use: accuracy, in: [labels, batch.label], ensembles: {{late: [audio, video]}}}}
      pairs: {{use: retrieval, in: [audio_z, video_z], present: {{query: [audio], gallery: [video]}}}}
"""
