/** A difference that is meant. All given conditions must hold: `script` is the script's name, `step` occurs in its step, `line` matches every changed line it accepts. */
export interface Accepted {
  script?: string;
  step?: string;
  line: RegExp;
  reason: string;
}

export const accepted: Accepted[] = [];
