"""speak.py ENGINE SECONDS: makes speech without faces, to be labelled by the teacher. ENGINE kokoro | piper | flite | espeak.

Writes WORK/voices/ENGINE_VOICE-NNN.flac, 16 kHz mono. The sentences are put together here from our own words, so that every
file can be made again from a seed. Voices: Kokoro-82M (Apache-2.0), Piper en_US-joe (CC0 data), flite's built-in voices
(CMU, BSD-like), espeak-ng's variants; the last two by their programs."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import onnxruntime as ort
import soundfile as sf
import soxr

from common import RATE, WORK

WHO = """my brother|the old farmer|nobody|a friend of mine|the whole family|our neighbour|the baker|Barbara|Peter|every morning the bus|
the committee|a small brown puppy|somebody upstairs|the woman with the umbrella|your father|the patient|Monica|both of them|the weather|
five young people|the pilot|William|the museum|a famous writer|the new doctor|we|they|you|I|the mayor of the village|Sophie""".replace("\n", "").split("|")
DID = """bought|forgot|wants to move|painted|will probably open|never mentioned|always remembers|put|found|could not believe|brought|
is looking for|promised|has been waiting for|threw away|would love to show you|kept|borrowed|used to own|described|pushed|helped with|
may have broken|hopes to improve|chose|washed|wrapped up|followed|measured|thought about|paid for""".replace("\n", "").split("|")
WHAT = """a warm loaf of bread|the blue bicycle|twelve apples and a pear|the broken window|a very simple problem|another cup of coffee|
the map on the wall|some purple paper|the music from that film|a boat without oars|the most beautiful bridge|a bowl of soup|our project|
the empty bottle|a thick woollen jumper|those five questions|a pair of shoes|the moon above the lake|her umbrella|an open fire|the job|
a long voyage|forty boxes of books|what you said yesterday|the white house|a good joke|the garden gate|my email|a piece of cheese|the view""".replace("\n", "").split("|")
WHEN = """before breakfast|in the middle of the night|for the first time|when we were young|after the meeting|by the river|at half past seven|
on Wednesday|over and over|without a word|as far as I know|in the beginning of February|with both hands|if possible|near the old mill|
about an hour ago|while it was raining|for my mother|just in time|at the top of the tower|to be honest|under the apple tree|more or less""".replace("\n", "").split("|")
OPEN = ["Well, ", "Oh, ", "Yes, ", "No, maybe ", "I think ", "By the way, ", "", "", "", "", "Look, ", "Hm, ", "Please note: "]
ASK = """Would you mind opening the window?|How much does it cost to fly from Paris to Moscow?|Where did you put the paper bag?|Are you above or below?|
What time is it?|Who moved my beautiful blue boots?|Could I have some more, please?|Why not both?|Hello, how are you today?|
Thank you very much, goodbye.|One, two, three, four, five, six, seven, eight, nine, ten.|Mum, come home.|Up and up and away we go.|
Good morning, everybody, and welcome to the show.|Papa bought a big box of plum jam.|We were away a year ago.""".replace("\n", "").split("|")
OTHER = {
    "es": "Buenos días, ¿cómo está usted?|Mi padre compró una bicicleta roja.|El perro bebe mucha agua por la mañana.|Me gusta la música popular.|Hoy vamos a pasear por el parque con mi familia.",
    "it": "Buongiorno a tutti, come va?|Mio fratello abita vicino al ponte.|Vorrei un bicchiere di vino bianco, per favore.|Domani mattina partiamo per Palermo.|La bambina mangia una mela rossa.",
    "fr-fr": "Bonjour, comment allez-vous aujourd'hui?|Mon voisin habite au bout de la rue.|Je voudrais un peu de beurre et du pain.|Nous partons demain matin pour la montagne.|La petite fille boit un bol de lait.",
    "de": "Guten Morgen, wie geht es Ihnen?|Mein Bruder wohnt über dem Blumenladen.|Bitte bring mir ein Buch und eine Lampe.|Wir fahren morgen früh zum Bahnhof.|Das Wetter ist schön, aber ein bisschen kühl.",
    "pt": "Bom dia, tudo bem com você?|O meu pai comprou um barco pequeno.|Por favor, um copo de água.|Amanhã vamos para a praia com a família.",
}
SPEAKS = {"e": "es", "f": "fr-fr", "i": "it", "p": "pt"}


def sentence(rng):
    if rng.random() < 0.2:
        return str(rng.choice(ASK))
    s = f"{rng.choice(OPEN)}{rng.choice(WHO)} {rng.choice(DID)} {rng.choice(WHAT)} {rng.choice(WHEN)}."
    return s[0].upper() + s[1:]


def other(rng, language):
    return str(rng.choice(OTHER[language].split("|")))


def phonemes(text, language="en-us"):
    r = subprocess.run(["espeak-ng", "-v", language, "--ipa", "-q", text], capture_output=True, text=True, check=True)
    return " ".join(r.stdout.split())


def session(path):
    o = ort.SessionOptions()
    o.intra_op_num_threads = o.inter_op_num_threads = 1
    return ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])


def kokoro(rng):
    folder = os.path.join(WORK, "kokoro")
    s, vocab = session(os.path.join(folder, "model.onnx")), json.load(open(os.path.join(folder, "vocab.json")))["vocab"]
    names = sorted(f[:-4] for f in os.listdir(os.path.join(folder, "voices")) if f.endswith(".bin"))
    style = {n: np.fromfile(os.path.join(folder, "voices", n + ".bin"), np.float32).reshape(-1, 256) for n in names}
    turn = 0
    while True:
        # English voices come twice as often; every third turn is a blend of two voices: a voice that nobody has
        order = [n for n in names if n[0] in "ab"] + names
        for n in rng.permutation(order):
            turn += 1
            v, label = style[n], n
            if turn % 3 == 0:
                m = str(rng.choice([x for x in names if x[0] in "ab"]))
                w = rng.uniform(0.3, 0.7)
                v, label = w * v + (1 - w) * style[m], f"{n}+{m}"
            for _ in range(2):
                language = SPEAKS.get(n[0])
                if language and rng.random() < 0.6:
                    p = phonemes(other(rng, language), language)
                else:
                    p = phonemes(sentence(rng), "en-gb" if n[0] == "b" else "en-us")
                for a, b in (("ɚ", "əɹ"), ("r", "ɹ"), ("x", "k"), ("ɬ", "l"), ("əʊ", "Q" if n[0] == "b" else "O"), ("oʊ", "O"), ("aɪ", "I"), ("eɪ", "A"), ("aʊ", "W"), ("ɔɪ", "Y"), ("tʃ", "ʧ"), ("dʒ", "ʤ")):
                    p = p.replace(a, b)
                ids = [vocab[c] for c in p + "." if c in vocab][:500]
                r = s.run(None, {"tokens": np.array([[0, *ids, 0]]), "style": v[min(len(ids), len(v)) - 1][None].astype(np.float32), "speed": np.array([rng.uniform(0.85, 1.2)], np.float32)})
                yield f"kokoro_{label}", np.asarray(r[0], np.float32).ravel(), 24000


def piper(rng):
    folder = os.path.join(WORK, "piper")
    s, ids_of = session(os.path.join(folder, "voice.onnx")), json.load(open(os.path.join(folder, "voice.json")))["phoneme_id_map"]
    n = 0
    while True:
        ids = [1, 0]
        for c in phonemes(sentence(rng)) + ".":
            if c in ids_of:
                ids += [ids_of[c][0], 0]
        ids.append(2)
        scales = np.array([rng.uniform(0.4, 0.9), rng.uniform(0.8, 1.25), rng.uniform(0.5, 1.0)], np.float32)
        r = s.run(None, {"input": np.array([ids]), "input_lengths": np.array([len(ids)]), "scales": scales})
        yield f"piper_joe{n // 6:03d}", np.asarray(r[0], np.float32).ravel(), 22050
        n += 1


def program(command):
    path = os.path.join(WORK, "speak.wav")
    subprocess.run([*command[:-1], *(a.replace("OUT", path) for a in command[-1:])], check=True, capture_output=True)
    return sf.read(path, dtype="float32")


def flite(rng):
    n = 0
    while True:
        v = ["slt", "rms", "awb", "kal16"][n // 6 % 4]
        x, rate = program(["flite", "-voice", v, "--setf", f"duration_stretch={rng.uniform(0.85, 1.25):.2f}", "-t", sentence(rng), "-o", "OUT"])
        yield f"flite_{v}{n // 24}", x, rate
        n += 1


def espeak(rng):
    kinds = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "Annie", "Andy", "steph", "Denis", "iven", "linda", "max", "Michael", "Storm"]
    n = 0
    while True:
        language = str(rng.choice(["en-us", "en-gb", "en-gb-scotland", "es", "it", "fr-fr", "de", "pt"]))
        kind = str(rng.choice(kinds))
        pitch, speed = int(rng.integers(25, 75)), int(rng.integers(130, 185))
        for _ in range(4):
            text = sentence(rng) if language.startswith("en") else other(rng, language)
            x, rate = program(["espeak-ng", "-v", f"{language}+{kind}", "-p", str(pitch), "-s", str(speed), text, "-w", "OUT"])
            yield f"espeak_{n:03d}{language}+{kind}", x, rate
        n += 1


def main():
    engine, wanted = sys.argv[1], float(sys.argv[2])
    rng, out, done, start = np.random.default_rng(sum(map(ord, engine))), os.path.join(WORK, "voices"), 0.0, time.time()
    os.makedirs(out, exist_ok=True)
    for k, (voice, x, rate) in enumerate(globals()[engine](rng)):
        x = soxr.resample(x, rate, RATE).astype(np.float32) if rate != RATE else x
        x = x * (0.5 / max(np.abs(x).max(), 1e-3))
        sf.write(os.path.join(out, f"{voice}-{k:04d}.flac"), x, RATE)
        done += len(x) / RATE
        if k % 50 == 49:
            print(engine, k + 1, f"{done:.0f} s of speech in {time.time() - start:.0f} s", flush=True)
        if done >= wanted:
            break
    print(engine, "done:", f"{done:.0f} s of speech in {time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
