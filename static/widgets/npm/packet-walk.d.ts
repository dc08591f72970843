/** A way a request can go. */
export interface Outcome {
  probability: number;
  /** The same for people: `1 in 2`, `always`. */
  odds: string;
  verdict: Verdict;
  /** Address and port after all rewriting. */
  destination: string | null;
  /** What has that address. */
  object: string | null;
  isShown: boolean;
}

export type Verdict = "delivered" | "forwarded" | "refused" | "dropped" | "unreachable" | "no-such-host";

/** Something wrong with the manifest. */
export interface Complaint {
  line: number;
  column: number;
  isError: boolean;
  message: string;
  hint: string | null;
}

/** Where in the walk. Steps are counted from 1. */
export interface Step {
  step: number;
  steps: number;
  place: string | null;
  title: string | null;
  sentence: string;
}

/** How a widget is. */
export interface State extends Step {
  from: string;
  to: string;
  cluster: string;
  yaml: string;
  layer: "story" | "machine";
  isPlaying: boolean;
  /** Whether the picture is older than the text, because the text cannot be read. */
  isStale: boolean;
  /** The cluster's clock. */
  time: string;
  verdict: Verdict | null;
  outcomes: Outcome[];
  complaints: Complaint[];
  lesson: Lesson | null;
}

/** A lesson that is on. */
export interface Lesson {
  name: string;
  title: string;
  page: number;
  pages: number;
  isSolved: boolean;
}

/** An option somebody chose on a page of a lesson. */
export interface Guess {
  question: string;
  option: string;
  isRight: boolean | null;
  isFirst: boolean;
}

/** An answer somebody gave. */
export interface Answer {
  prompt: string;
  answer: number;
  words: string;
  isRight: boolean;
  why: string;
}

/** A line of the shell that has ended. */
export interface Ran {
  line: string;
  output: string;
  code: number | null;
}

export interface PacketWalkEventMap {
  ready: CustomEvent<State>;
  step: CustomEvent<Step>;
  change: CustomEvent<State>;
  answer: CustomEvent<Answer | Guess>;
  solved: CustomEvent<Lesson>;
  ran: CustomEvent<Ran>;
  error: CustomEvent<{ message: string } & Partial<Complaint>>;
}

/**
 * `<packet-walk>`. Attributes: `src`, `from`, `to`, `mode`, `step`, `view`, `layer`, `theme`, `controls`, `readonly`, `ask`, `follow`, `lesson`.
 */
export class PacketWalk extends HTMLElement {
  /** Fulfilled when it can be used. */
  readonly ready: Promise<PacketWalk>;
  /** How it is; null before it is ready. */
  readonly state: Readonly<State> | null;
  /** The manifest. Setting it replaces it. */
  yaml: string;
  /** Begins now, whether it is in sight or not. */
  start(): Promise<PacketWalk>;
  play(): Promise<State>;
  pause(): Promise<State>;
  step(count?: number): Promise<State>;
  seek(step: number): Promise<State>;
  ask(from: string, to: string): Promise<State>;
  choose(way: number): Promise<State>;
  answer(number: number): Promise<State>;
  turn(page: number): Promise<State>;
  guess(option: string): Promise<State>;
  undo(): Promise<State>;
  redo(): Promise<State>;
  reset(): Promise<State>;
  settle(): Promise<State>;
  /** As `kubectl apply -f`: what it prints. */
  apply(yaml: string): Promise<string>;
  run(command: string): Promise<Ran>;
}

/** Puts a widget in the place of each `<pre class="packet-walk">`. */
export function upgrade(root?: ParentNode): void;

/** How many widgets run, and how large the engine's memory is, in bytes. */
export function measure(): Promise<{ widgets: number; bytes: number }>;

declare global {
  interface HTMLElementTagNameMap {
    "packet-walk": PacketWalk;
  }
}
