"""What every step of the training shares: where things lie, and the features the network hears.

The features are defined here once; `src/motion/features.rs` computes the same numbers from a live stream."""

import os

import numpy as np
from scipy.signal import lfilter

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.environ.get("VASA_SHARED", os.path.join(HERE, "..", "..", "..", "shared"))
WORK = os.environ.get("VASA_TRAIN", os.path.join(HERE, "..", "..", "target", "train"))

RATE = 16000
HOP = 160  # 100 frames a second
WINDOW = 400  # 25 ms, ending at the frame's last sample: nothing of the future is heard
FFT = 512
BANDS = 64
LOW_HZ, HIGH_HZ = 60.0, 7600.0
PREEMPHASIS = 0.97
FLOOR = 1e-7
STEP = 320  # samples in a block: 20 ms, two frames, one step of the network
LOOK_AHEAD = 80  # ms: the face of a step belongs to this long before the block's end
# the face of step n is that of instant (n + 1) * 20 - 80 ms = (n - BACK) * 20 ms
BACK = (LOOK_AHEAD - 20) // 20

# The running loud level and the floor under it, natural logarithm of power (see `running_level`).
LEVEL_START = -3.5
LEVEL_MIN = -7.0
ATTACK, RELEASE, LEAK = 0.15, 0.002, 0.0005
SPEECH_RANGE = 5.0  # nats under the level that still count as speech
FLOOR_MIN, FLOOR_RISE, FLOOR_SMOOTH = -10.0, 0.012, 0.4
SPEECH_OVER_FLOOR = 2.0  # nats over the floor from which a sound may be speech: steady noise stays under it
SCALE, CLIP = 3.0, -3.0

CHANNELS = ["aperture", "width", "protrude", "upper", "lower", "jaw", "corner", "thick"]


def mel(hz):
    return 2595.0 * np.log10(1.0 + hz / 700.0)


def mel_bank():
    """(BANDS, FFT // 2 + 1) triangles, evenly spaced on the mel scale, peak 1."""
    edges = 700.0 * (10.0 ** (np.linspace(mel(LOW_HZ), mel(HIGH_HZ), BANDS + 2) / 2595.0) - 1.0)
    f = np.arange(FFT // 2 + 1) * RATE / FFT
    a, b, c = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0.0, np.minimum((f - a) / (b - a), (c - f) / (c - b))).astype(np.float32)


BANK = mel_bank()
WINDOW_SHAPE = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


def log_mel(x):
    """Samples (-1..1) to (frames, BANDS) log power; frame i has heard samples up to (i + 1) * HOP."""
    x = np.asarray(x, np.float32)
    x = x - PREEMPHASIS * np.concatenate([[np.float32(0)], x[:-1]])
    x = np.concatenate([np.zeros(WINDOW - HOP, np.float32), x])
    n = (len(x) - WINDOW) // HOP + 1
    f = np.lib.stride_tricks.as_strided(x, (n, WINDOW), (x.strides[0] * HOP, x.strides[0])) * WINDOW_SHAPE
    return np.log(np.abs(np.fft.rfft(f, FFT)).astype(np.float32) ** 2 @ BANK.T + FLOOR)


def running_level(power, start):
    """power (frames, ...) log of the mean band power; start: the level before the first frame. The level after each frame.

    Rises within 70 ms to a louder voice, settles over 5 s while there is speech, follows a voice that became far quieter over
    20 s, and stands still in silence and in steady noise, however long they last."""
    level, out = np.array(start, np.float32) + np.zeros(power.shape[1:], np.float32), np.empty_like(power)
    smooth = np.full(power.shape[1:], FLOOR_MIN, np.float32)
    floor = smooth.copy()
    for t in range(len(power)):
        e = power[t]
        smooth = smooth + FLOOR_SMOOTH * (e - smooth)
        floor = np.maximum(np.minimum(floor + FLOOR_RISE, smooth), FLOOR_MIN)
        d = e - level
        down = np.where(d > -SPEECH_RANGE, RELEASE * (d + 1.2), LEAK * (d + SPEECH_RANGE))
        level = level + np.where(d > 0, ATTACK * d, np.where(e - floor > SPEECH_OVER_FLOOR, down, 0.0))
        level = np.maximum(level, LEVEL_MIN).astype(np.float32)
        out[t] = level
    return out


def normalise(lm, start=LEVEL_START):
    """(frames, ..., BANDS) log-mel to what the network hears: in units of 3 nats over the running loud level."""
    power = np.log(np.exp(lm).mean(-1) + 1e-9).astype(np.float32)
    return np.maximum((lm - running_level(power, start)[..., None]) / SCALE, CLIP).astype(np.float32)


# ---- Whisper's own features, as its authors define them (openai/whisper, MIT): 80 Slaney mel bands of 16 kHz sound
def _slaney_bank(bands=80, fft=400):
    to_mel = lambda f: np.where(f < 1000, f * 3 / 200, 15 + 27 * np.log(np.maximum(f, 1e-9) / 1000) / np.log(6.4))
    to_hz = lambda m: np.where(m < 15, m * 200 / 3, 1000 * np.exp((m - 15) * np.log(6.4) / 27))
    edges = to_hz(np.linspace(0, to_mel(np.array(8000.0)), bands + 2))
    f = np.arange(fft // 2 + 1) * RATE / fft
    a, b, c = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return (np.maximum(0, np.minimum((f - a) / (b - a), (c - f) / (c - b))) * 2 / (c - a)).astype(np.float32)


_WHISPER = _slaney_bank()


def whisper_mel(x):
    """Up to 30 s of samples to (1, 80, 3000)."""
    x = np.pad(np.asarray(x, np.float32), (0, 30 * RATE - len(x)))
    x = np.pad(x, 200, mode="reflect")
    n = (len(x) - 400) // 160 + 1
    w = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)).astype(np.float32)
    f = np.lib.stride_tricks.as_strided(x, (n, 400), (x.strides[0] * 160, x.strides[0])) * w
    m = np.log10(np.maximum(_WHISPER @ (np.abs(np.fft.rfft(f, 400)).astype(np.float32).T[:, : n - 1] ** 2), 1e-10))
    m = np.maximum(m, m.max() - 8.0)
    return np.ascontiguousarray((m + 4.0) / 4.0, dtype=np.float32)[None]


def reverb_tail(power, decay):
    return lfilter([0.0, 1.0 - decay], [1.0, -decay], power, axis=0).astype(np.float32)
