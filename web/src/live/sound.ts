/** The alarm's sound: three rising pairs of tones, made here, no file. Silent until the person has touched the page once. */
import { useSyncExternalStore } from "react";

const KEY = "tangkapin.alarm";
const PAIR_S = 0.42;
const TONES = [660, 880] as const;
let isOn = localStorage.getItem(KEY) !== "off";
let context: AudioContext | undefined;
const watchers = new Set<() => void>();

export function setSound(on: boolean): void {
  isOn = on;
  localStorage.setItem(KEY, on ? "on" : "off");
  for (const watcher of watchers) watcher();
  if (on) ring(1); // so that the person knows how it sounds, and the browser that it may
}

export const useSound = (): boolean =>
  useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => isOn,
  );

export function ring(times = 3): void {
  if (!isOn || !("AudioContext" in window) || !navigator.userActivation?.hasBeenActive) return;
  context ??= new AudioContext();
  const audio = context;
  void audio.resume().then(() => {
    for (let pair = 0; pair < times; pair++)
      TONES.forEach((frequency, at) => {
        const start = audio.currentTime + pair * PAIR_S + (at * PAIR_S) / 2.4;
        const tone = audio.createOscillator();
        const volume = audio.createGain();
        tone.type = "triangle";
        tone.frequency.value = frequency;
        volume.gain.setValueAtTime(0, start);
        volume.gain.linearRampToValueAtTime(0.35, start + 0.02);
        volume.gain.exponentialRampToValueAtTime(0.001, start + 0.16);
        tone.connect(volume).connect(audio.destination);
        tone.start(start);
        tone.stop(start + 0.17);
      });
  });
}
