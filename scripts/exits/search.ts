/**
 * Exhaustive search over all orders of moves of a lying operator with its friends, and one honest challenger.
 *
 * Time goes in rounds (blocks); the answer is posted in round 0. Within a round the coalition orders all moves, before and after the honest
 * challenger's, which is never kept out of a block. The honest challenger commits, opens and joins at once; how long its dispute takes, up to
 * the longest, the coalition chooses. What the coalition can do here is more than what the contracts let it do, so the least values hold.
 */
import { type Ending, lostDispute, type Rule } from "./rules.ts";

/** All in rounds. */
export interface Schedule {
  commitDelay: number;
  /** For how long after its delay a commitment that isn't open still claims. */
  openGrace: number;
  /** How long an answer may be challenged; above commitDelay + openGrace. */
  window: number;
  longestDispute: number;
}

export interface Scenario {
  rule: Rule;
  schedule: Schedule;
  friends: number;
  /** Whether the requester is one of the coalition, beside its friends. */
  requesterIsFriend: boolean;
  /** Round from which the honest challenger knows that the answer is wrong, or null where it never looks. */
  detection: number | null;
  /** What it does then: `demand` is what it does where the answer's bytes are hidden. */
  honestMove: "commit" | "demand";
}

/** Every fraction in a rule is a whole number of units: of up to five claimants, and of a tenth of a quarter. */
export const bond = 2_400n;

/** What a player has done: nothing yet, committed, a dispute open, a demand open, done. */
type Stage = "idle" | "committed" | "disputing" | "demanding" | "done";
const stages: readonly Stage[] = ["idle", "committed", "disputing", "demanding", "done"];

interface Player {
  stage: Stage;
  /** Since which round, where it matters; otherwise 0. */
  since: number;
}

interface Voided {
  ending: Ending;
  at: number;
  winner: "friend" | "honest" | null;
  friendClaims: number;
  honestClaims: boolean;
  /** Whether the honest challenger had a commitment, a dispute or a demand that was older than the end. */
  honestCameFirst: boolean;
}

interface State {
  round: number;
  friends: readonly Player[];
  honest: Player;
  /** A friend's lost disputes. */
  lost: number;
  /** Whether the honest challenger had a dispute open at some time. */
  honestOpened: boolean;
  /** Demands made so far: one for each kind of bytes, whoever asks. */
  demanded: number;
  voided: Voided | null;
}

/** How a play ended, and what the coalition lost. */
export interface Play {
  ending: Ending | "stands";
  honestOpened: boolean;
  honestCameFirst: boolean;
  honestClaims: boolean;
  loss: bigint;
  honestReward: bigint;
}

const kindsOfBytes = 2;
const idle: Player = { stage: "idle", since: 0 };
const done: Player = { stage: "done", since: 0 };

const playerCode = ({ stage, since }: Player): number => stages.indexOf(stage) * 64 + since;

function keyOf({ round, friends, honest, lost, honestOpened, demanded, voided }: State): string {
  const end = voided && [voided.ending, voided.at, voided.winner, voided.friendClaims, +voided.honestClaims, +voided.honestCameFirst];
  return [round, friends.map(playerCode), playerCode(honest), lost, +honestOpened, demanded, end].join("|");
}

/** Friends are alike: their order doesn't matter. */
const sorted = (friends: readonly Player[]): Player[] => [...friends].sort((a, b) => playerCode(a) - playerCode(b));

const open = ({ stage }: Player): boolean => stage === "disputing" || stage === "demanding";

type Step = [label: string, next: State];

class Search {
  private readonly scenario: Scenario;
  private readonly seen = new Map<string, { from: string | null; label: string }>();
  constructor(scenario: Scenario) {
    this.scenario = scenario;
  }

  /** @returns every play that differs in what it is worth, with the moves that lead to it; and how many states there are. */
  run(): { plays: { play: Play; moves: () => string[] }[]; states: number } {
    const { friends } = this.scenario;
    const start: State = {
      round: 0,
      friends: Array.from({ length: friends }, () => idle),
      honest: idle,
      lost: 0,
      honestOpened: false,
      demanded: 0,
      voided: null,
    };
    const stack = [start];
    this.seen.set(keyOf(start), { from: null, label: "" });
    const plays = new Map<string, { play: Play; moves: () => string[] }>();
    for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
      const key = keyOf(state);
      const end = this.endOf(state);
      if (end !== null) {
        const worth = Object.values(end).join("|");
        if (!plays.has(worth)) plays.set(worth, { play: end, moves: () => this.movesTo(key) });
      }
      for (const [label, next] of this.moves(state)) {
        const ordered = { ...next, friends: sorted(next.friends) };
        const nextKey = keyOf(ordered);
        if (this.seen.has(nextKey)) continue;
        this.seen.set(nextKey, { from: key, label });
        stack.push(ordered);
      }
    }
    return { plays: [...plays.values()], states: this.seen.size };
  }

  private movesTo(key: string): string[] {
    const moves: string[] = [];
    for (let at = this.seen.get(key)!; at.from !== null; at = this.seen.get(at.from)!) moves.unshift(at.label);
    return moves;
  }

  private moves(state: State): Step[] {
    const due = this.honestMoves(state);
    const steps = [
      ...due,
      ...(state.voided === null ? [...this.operatorMoves(state), ...this.friendMoves(state)] : this.friendClaims(state)),
    ];
    // A round ends only once the honest challenger has moved.
    if (due.length === 0 && !this.isOver(state) && !this.isLast(state)) steps.push(["|", { ...state, round: state.round + 1 }]);
    return steps;
  }

  private isOver(state: State): boolean {
    const { rule, schedule } = this.scenario;
    const { round, voided, friends, honest } = state;
    if (voided !== null) return !rule.claimsAfterwards || round >= voided.at + schedule.commitDelay + schedule.openGrace;
    return round >= schedule.window && ![...friends, honest].some(open);
  }

  /** No answer stays open for longer than its window and what the longest demand and the longest dispute add to it. */
  private isLast({ round, voided }: State): boolean {
    const { commitDelay, longestDispute, window } = this.scenario.schedule;
    return voided === null && round >= window + commitDelay + 2 * longestDispute;
  }

  private endOf(state: State): Play | null {
    if (!this.isOver(state) || this.honestMoves(state).length > 0) return null;
    const { honestOpened, lost, voided } = state;
    if (voided === null) {
      return { ending: "stands", honestOpened, honestCameFirst: false, honestClaims: false, loss: 0n, honestReward: 0n };
    }
    const { ending, winner, friendClaims, honestClaims, honestCameFirst } = voided;
    const claims = { friends: BigInt(friendClaims), honest: honestClaims ? 1n : 0n, winner };
    const { slashed, friends, honest, requester } = this.scenario.rule.divide(ending, bond, claims);
    const back = friends + (this.scenario.requesterIsFriend ? requester : 0n);
    const loss = slashed - back + BigInt(lost) * lostDispute(bond);
    return { ending, honestOpened, honestCameFirst, honestClaims, loss, honestReward: honest };
  }

  /** What the honest challenger does in this round, whatever else happens in it. */
  private honestMoves(state: State): Step[] {
    const { detection, honestMove, schedule } = this.scenario;
    const { round, honest, voided, demanded } = state;
    const { stage, since } = honest;
    if (voided !== null) {
      const joined = { ...state, honest: done, voided: { ...voided, honestClaims: true } };
      return this.canClaim(honest, state) ? [["H claims", joined]] : [];
    }
    if (stage === "idle" && detection !== null && round >= detection && round < schedule.window) {
      if (honestMove === "commit") return [["H commits", { ...state, honest: { stage: "committed", since: round } }]];
      if (demanded === kindsOfBytes) return [];
      return [["H demands", { ...state, honest: { stage: "demanding", since: round }, demanded: demanded + 1 }]];
    }
    if (stage === "committed" && round >= since + schedule.commitDelay) {
      return [["H opens", { ...state, honest: { stage: "disputing", since: round }, honestOpened: true }]];
    }
    if (open(honest) && round >= since + schedule.longestDispute) return [["H convicts", this.end(state, "convicted", "honest")]];
    return [];
  }

  private end(state: State, ending: Ending, winner: Voided["winner"]): State {
    const { round, friends, honest } = state;
    const voided: Voided = {
      ending,
      at: round,
      winner,
      friendClaims: friends.filter(open).length,
      honestClaims: open(honest),
      honestCameFirst: open(honest) || (honest.stage === "committed" && honest.since < round),
    };
    return { ...state, voided };
  }

  private operatorMoves(state: State): Step[] {
    const { rule, schedule } = this.scenario;
    const { round, friends, honest } = state;
    const steps: Step[] = [];
    const isOpen = [...friends, honest].some(open);
    if (round < schedule.commitDelay) steps.push(["O retracts early", this.end(state, "early", null)]);
    else if (isOpen ? rule.retractsDisputed : round < schedule.window) steps.push(["O retracts", this.end(state, "retracted", null)]);
    if (open(honest)) steps.push(["O loses to H", this.end(state, "convicted", "honest")]);
    if (honest.stage === "disputing") steps.push(["O concedes to H", this.end(state, "conceded", "honest")]);
    if (honest.stage === "demanding") steps.push(["O publishes for H", { ...state, honest: this.afterPublication(round) }]);
    return steps;
  }

  /** Once the bytes are there, the honest challenger has what it needs to commit. */
  private afterPublication(round: number): Player {
    return { stage: "committed", since: round };
  }

  private friendMoves(state: State): Step[] {
    const { schedule, rule } = this.scenario;
    const { round, friends, honest, demanded, lost } = state;
    const isChallengeable = round < schedule.window || [...friends, honest].some(open);
    return this.eachFriend(state, (friend, put) => {
      const steps: Step[] = [];
      if (friend.stage === "idle" && isChallengeable) {
        steps.push(["F commits", put({ stage: "committed", since: round })]);
        if (rule.demands && demanded < kindsOfBytes)
          steps.push(["F demands", { ...put({ stage: "demanding", since: 0 }), demanded: demanded + 1 }]);
      }
      if (friend.stage === "committed" && isChallengeable && round >= friend.since + schedule.commitDelay) {
        steps.push(["F opens", put({ stage: "disputing", since: 0 })]);
      }
      if (open(friend)) steps.push(["O loses to F", this.end(state, "convicted", "friend")]);
      if (friend.stage === "disputing") {
        steps.push(["O concedes to F", this.end(state, "conceded", "friend")]);
        steps.push(["F gives up", { ...put(done), lost: lost + 1 }]);
      }
      if (friend.stage === "demanding") steps.push(["O publishes for F", put(done)]);
      return steps;
    });
  }

  private friendClaims(state: State): Step[] {
    const voided = state.voided!;
    const claimed = { ...voided, friendClaims: voided.friendClaims + 1 };
    return this.eachFriend(state, (friend, put) => (this.canClaim(friend, state) ? [["F claims", { ...put(done), voided: claimed }]] : []));
  }

  /** Once for every friend that differs from those before it. */
  private eachFriend(state: State, stepsOf: (friend: Player, put: (after: Player) => State) => Step[]): Step[] {
    return state.friends.flatMap((friend, i) => {
      if (i > 0 && playerCode(friend) === playerCode(state.friends[i - 1]!)) return [];
      return stepsOf(friend, (after) => ({ ...state, friends: state.friends.with(i, after) }));
    });
  }

  private canClaim({ stage, since }: Player, { round, voided }: State): boolean {
    const { rule, schedule } = this.scenario;
    const { commitDelay, openGrace } = schedule;
    if (!rule.claimsAfterwards || stage !== "committed" || voided === null) return false;
    const isEligible = since < voided.at && voided.at < since + commitDelay + openGrace;
    return isEligible && round >= since + commitDelay && round < voided.at + commitDelay + openGrace;
  }
}

export const search = (scenario: Scenario): ReturnType<Search["run"]> => new Search(scenario).run();
