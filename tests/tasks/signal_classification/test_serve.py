"""The served graph reads WAV files, cuts windows and computes features as numpy does."""

import struct

import numpy as np
import pytest
import tensorflow as tf

from models import spectrogram_networks
from models.classical.signal_classifiers import signal_classifier
from pipelines.classical import spectra
from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing import signal_windows, wav_files
from pipelines.preprocessing.signal_windows import Windows
from pipelines.tasks.signal_classification import score, serve
from pipelines.tasks.signal_classification.example import example_batch, example_spec
from pipelines.tasks.signal_classification.graph_wav import GraphWavReader
from pipelines.tasks.signal_classification.metrics import of_recordings

RATE, STEPS = 800, 400
KINDS = sorted(wav_files.FORMATS)
SOUND = example_spec(STEPS, 1, 3, rate_hz=float(RATE), is_sound=True)
WINDOWS = Windows(float(RATE), STEPS, STEPS // 2)


def wav(values, kind=wav_files.PCM, bits=16, *, rate=RATE, extensible=False, before=b"") -> bytes:
    """A file of (n, channels) numbers from -1 to 1, written without the code that is tested."""
    values = np.asarray(values, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if kind == wav_files.FLOAT:
        content = values.astype("<f4").tobytes()
    else:
        whole = np.clip(np.round(values * (1 << bits - 1)), -(1 << bits - 1), (1 << bits - 1) - 1)
        whole = whole.astype(np.int64) + (128 if bits == 8 else 0)
        content = b"".join(
            int(v).to_bytes(bits // 8, "little", signed=bits > 8) for v in whole.ravel()
        )
    channels = values.shape[1]
    size = channels * bits // 8
    written = wav_files.EXTENSIBLE if extensible else kind
    header = struct.pack("<HHIIHH", written, channels, rate, rate * size, size, bits)
    if extensible:
        header += struct.pack("<HHIH14s", 22, bits, 0, kind, b"\0" * 14)
    chunks = b"fmt " + struct.pack("<I", len(header)) + header + before
    chunks += b"data" + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def sound(steps=STEPS, channels=1, seed=1):
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (steps, channels))


READER = GraphWavReader(WINDOWS)
DECODE = tf.function(READER.decode, input_signature=[tf.TensorSpec((), tf.string)])
LIST = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # of odd length, and a byte that fills up


@pytest.mark.parametrize(("kind", "bits"), KINDS)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_numpy_and_the_graph_read_every_kind_alike(kind, bits, channels):
    values = sound(21, channels)
    file = wav(values, kind, bits, extensible=channels == 2, before=LIST * (channels - 1))
    read = wav_files.decode(file, "a.wav")
    assert read.rate_hz == RATE
    np.testing.assert_allclose(read.samples, values.mean(axis=1), atol=1 / (1 << min(bits, 20) - 1))
    np.testing.assert_array_equal(DECODE(file).numpy(), read.samples)


def test_what_is_encoded_is_decoded_to_the_same():
    coarse = (np.arange(-40, 41) / 32768).astype(np.float32)
    for samples in (coarse, coarse / 3, np.array([-1.0, 1.0], np.float32)):
        file = wav_files.encode(samples, RATE)
        np.testing.assert_array_equal(wav_files.decode(file, "a.wav").samples, samples)
    assert len(wav_files.encode(coarse, RATE)) < len(wav_files.encode(coarse / 3, RATE))


WHOLE = wav(sound(50))
FAULTS = {
    "wav-kind": b"ID3 is no WAV file",
    "wav-truncated": WHOLE[:-7],
    "wav-codec": wav(sound(50), 6, 8),  # A-law
    "wav-empty": wav(np.zeros((0, 1))),
    "wav-not-finite": wav(np.array([0.1, np.nan]), wav_files.FLOAT, 32),
}


@pytest.mark.parametrize("code", wav_files.PROBLEMS)
def test_faults_are_refused_by_numpy_and_by_the_graph(code):
    with pytest.raises(UserError) as refused:
        wav_files.decode(FAULTS[code], "a.wav")
    assert refused.value.code == code
    with pytest.raises(tf.errors.InvalidArgumentError, match=wav_files.PROBLEMS[code][:20]):
        DECODE(FAULTS[code])


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_a_file_that_is_cut_anywhere_is_refused_by_name(cut):
    with pytest.raises(UserError) as refused:
        wav_files.decode(WHOLE[:cut], "a.wav")
    assert refused.value.code in ("wav-kind", "wav-truncated", "wav-codec")
    with pytest.raises(tf.errors.InvalidArgumentError, match="wav_bytes"):
        DECODE(WHOLE[:cut])


def test_another_rate_is_refused_by_the_graph():
    with pytest.raises(tf.errors.InvalidArgumentError, match="sampling rate is not 800 Hz"):
        DECODE(wav(sound(50), rate=16000))


@pytest.mark.parametrize("steps", [1, STEPS - 1, STEPS, STEPS + 199, STEPS + 200, 3 * STEPS + 7])
def test_windows_are_those_of_prepare(steps):
    samples = wav_files.decode(wav(sound(steps)), "a.wav").samples
    windows, file = READER(tf.constant([wav(sound(steps)), wav(sound(5))]))
    count = WINDOWS.count(steps)
    np.testing.assert_array_equal(windows[:count, :, 0], WINDOWS(samples))
    assert file.numpy().tolist() == [0] * count + [1]


def test_log_mel_of_a_network_is_numpys():
    """And its filters are those of TensorFlow."""
    frames = spectra.Frames.of(8000.0, 4000)
    matrix = tf.signal.linear_to_mel_weight_matrix(
        frames.bands, frames.size // 2 + 1, 8000, spectra.LOWEST_HZ, 4000.0, tf.float64
    )
    np.testing.assert_allclose(spectra.mel_filters(frames), matrix, atol=1e-12)
    spec = example_spec(4000, 1, 3, rate_hz=8000.0, is_sound=True)
    model = spectrogram_networks.log_mel_cnn(spec, filters=(2,))
    levels = np.array([1.0, 1e-3, 0.0])[:, None, None]
    signal = (levels * np.random.default_rng(1).normal(size=(3, 4000, 1))).astype(np.float32)
    expected = spectra.log_mel(signal[..., 0], frames)
    got = model.get_layer("log_mel")(signal).numpy()[..., 0]
    np.testing.assert_allclose(got, expected, atol=1e-5)


def rows(spec, count, seed):
    inputs, targets = example_batch(spec, count, seed)
    return {**inputs, "label": targets}


@pytest.mark.parametrize("method", ["band_forest", "minirocket"])
@pytest.mark.parametrize("spec", [SOUND, example_spec(64, 3)], ids=["sound", "sensors"])
def test_a_classical_model_answers_what_numpy_computes(spec, method, tmp_path):
    estimator = signal_classifier(spec, method=method, trees=9, features=400)
    estimator.fit(rows(spec, 40, 1), rows(spec, 30, 2), seed=1)
    assert estimator.selection.value > 0.8
    (tmp_path / "saved").mkdir()
    estimator.save(tmp_path / "saved")
    restored = signal_classifier(spec, method=method, trees=9, features=400)
    restored.restore(tmp_path / "saved")
    signal = example_batch(spec, 20, 3)[0]["signal"]
    signal[0] = 0  # silence, or a sensor that does not move
    signal[1] *= 1e-3
    expected = restored.predict({"signal": signal})
    WINDOWS.save(tmp_path / signal_windows.FILE)
    module, signatures = serve.estimator_endpoints(estimator, spec, tmp_path)
    assert ("windows" in signatures) == (spec is SOUND)
    answer = module.classify(tf.constant(signal))
    np.testing.assert_allclose(answer["probabilities"], expected["probabilities"], atol=1e-6)
    assert [int(label) for label in answer["label"].numpy()] == expected["predicted"].tolist()


def test_a_file_is_answered_by_the_mean_of_its_windows(tmp_path):
    WINDOWS.save(tmp_path / signal_windows.FILE)
    model = spectrogram_networks.log_mel_cnn(SOUND, filters=(4,))
    module, _ = serve.endpoints(model, SOUND, tmp_path, DecisionRule())
    long, short = sound(3 * STEPS, seed=2), sound(STEPS // 3, seed=3)
    files = tf.constant([wav(long), wav(short)])
    windows, file = module.reader(files)
    outputs = score.predict(model, {"signal": windows.numpy()}, SOUND, DecisionRule())
    means, predicted, _ = of_recordings(outputs.probabilities, file.numpy())
    answer = module.classify_files(files)
    np.testing.assert_allclose(answer["probabilities"], means, atol=1e-6)
    assert [int(label) for label in answer["label"].numpy()] == predicted.tolist()
