/** What a node is answered whose state is not taken; objects pass it on as a value, because errors lose their codes between them. */
import { type ErrorBody, type ErrorCode, errorBody } from "../errors";

export type StateRefusal = { refused: ErrorBody };
/** A file may be sent under `id`, as much as `limit` bytes; `known`: it need not be. */
export type FileGrant = { id: number; limit: number } | { known: true } | StateRefusal;

export const refused = (code: ErrorCode, message: string): StateRefusal => ({ refused: errorBody(code, message) });
