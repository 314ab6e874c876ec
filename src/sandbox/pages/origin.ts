import type { Request } from 'express';
import { originOf } from '../../webAddress';

/** Where a browser reaches the sandbox, which nobody tells it: as the browser says, if that can be an origin. */
export const ownOriginOf = ({ headers: { host }, socket }: Request): string =>
  originOf(`http://${host ?? ''}`) ?? `http://localhost:${socket.localPort ?? 80}`;
