// A value that the page follows: what the network does shows without passing through the editor.
import { useSyncExternalStore } from 'react';

export class Cell {
  #value;
  #followers = new Set();

  constructor(value) {
    this.#value = value;
  }

  get = () => this.#value;

  set(value) {
    this.#value = value;
    for (const follower of this.#followers) follower();
  }

  /** Changes some members. */
  merge(members) {
    this.set({ ...this.#value, ...members });
  }

  follow = (follower) => {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  };
}

/** The present value of a cell, in a component. */
export const useCell = (cell) => useSyncExternalStore(cell.follow, cell.get);
