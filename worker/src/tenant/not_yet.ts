import { EdgeError, type ErrorCode } from "../errors";

/** Work that has to wait and has not failed: it is taken up again after `afterMs`, and no attempt is counted. */
export class NotYet extends EdgeError {
  constructor(
    code: ErrorCode,
    message: string,
    readonly afterMs: number,
  ) {
    super(code, message);
  }
}
