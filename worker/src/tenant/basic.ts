/** The header of HTTP Basic, by which the edge signs in to its own nodes. */
export const basicAuthorization = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
