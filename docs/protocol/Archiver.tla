------------------------------ MODULE Archiver ------------------------------
(***************************************************************************)
(* One Kafka partition archived to S3 by workers that are NOT mutually     *)
(* excluded: every worker may at any time believe that it owns the         *)
(* partition (that is what a zombie is: a worker that is simply not        *)
(* scheduled for a while).  No action of this spec uses a clock, a group   *)
(* generation or any fencing other than put-if-absent on S3.               *)
(*                                                                         *)
(* An ATTEMPT is one window built by one worker: uploads <<a,f>>, f in 1..F*)
(* and one commit record ("manifest") that is PUT with If-None-Match:*.    *)
(* com = set of attempts whose manifest exists (won its key).              *)
(* net = manifests that were sent and may still arrive, any number of      *)
(*       times, arbitrarily late, even after the sender died (lost         *)
(*       response, client retry, proxy retry, delayed packet).             *)
(***************************************************************************)
EXTENDS Integers, FiniteSets

CONSTANTS
  W,           \* workers
  N,           \* Kafka offsets 0..N-1
  F,           \* files per window
  MaxA,        \* attempts that can be created (a bound, not a rule)
  MaxCrash,    \* SIGKILLs
  MaxReset,    \* administrator resets / losses of the Kafka committed offset
  MaxRet,      \* retention steps: log start may move up
  MaxLife,     \* lifecycle AbortIncompleteMultipartUpload firings
  MaxDel,      \* deletions (expiry) of a manifest that is not the newest one
  KeyMode,     \* "seq" : manifest key = dense sequence number (silt)
               \* "off" : manifest key = first offset of the window (variant)
  StartFrom,   \* "chain": a worker starts at the tail of the S3 chain
               \* "kafka": a worker starts at the Kafka committed offset (variant)
  AbortRule,   \* "decided": own uploads aborted only when the slot is seen taken
               \* "giveup" : also after a timeout of the manifest PUT (variant)
  GCRule,      \* "none" | "decided" (slot rule) | "age" (unreferenced => abort)
  Order,       \* "manifest" : manifest first, then CompleteMultipartUpload
               \* "complete" : complete first, then manifest
  TailFirst,   \* TRUE: slot n+1 may be PUT only after slot n is fully completed
  SigFence,    \* TRUE: lifecycle cannot abort an upload whose manifest PUT may
               \*       still land (SigV4 expiry << lifecycle age)
  Genesis,     \* "zero": an empty chain starts at offset 0 (a gap record follows if lo > 0)
               \* "lo"  : an empty chain starts at the log start offset seen by the worker
  Repair       \* TRUE: committed-but-aborted files are rebuilt from Kafka

VARIABLES
  att,      \* 1..MaxA -> attempt record or NoAtt
  ust,      \* upload state: <<a,f>> -> "none"|"open"|"done"|"gone"
  com, net, \* sets of attempt numbers
  ever,     \* ghost: attempts that were ever committed
  pc, cur,  \* per worker control state and current attempt (0 = none)
  pos,      \* per worker: [slot, start] of the window to build
  koff,     \* Kafka committed offset (a hint only, in the "chain" mode)
  lo,       \* Kafka log start offset (retention)
  nA, nCrash, nReset, nRet, nLife, nDel

vars == <<att,ust,com,net,ever,pc,cur,pos,koff,lo,nA,nCrash,nReset,nRet,nLife,nDel>>

Atts  == 1..MaxA
Files == 1..F
Ups   == Atts \X Files
NoAtt == [kind |-> "none"]

\* The key on which put-if-absent is evaluated
Key(a) == IF att[a].kind = "rep" THEN <<"rep", att[a].tgt[1], att[a].tgt[2]>>
          ELSE IF KeyMode = "seq" THEN <<"slot", att[a].slot, 0>>
          ELSE <<"off", att[a].start, 0>>

KeyTaken(k)  == \E b \in com : Key(b) = k
Holder(k)    == CHOOSE b \in com : Key(b) = k
NFiles(a)    == IF att[a].kind = "gap" THEN 0
                ELSE IF att[a].kind = "rep" THEN 1 ELSE F
UpsOf(a)     == {<<a,f>> : f \in 1..NFiles(a)}

\* The upload that finally carries file u: u itself, or its committed repair
RECURSIVE Final(_)
Final(u) == IF KeyTaken(<<"rep",u[1],u[2]>>)
            THEN Final(<<Holder(<<"rep",u[1],u[2]>>),1>>) ELSE u

Wins      == {a \in com : att[a].kind \in {"win","gap"}}
FullyDone(a) == \A u \in UpsOf(a) : ust[Final(u)] = "done"

\* ---- chain helpers (mode "seq") -------------------------------------------
TailSlot  == IF Wins = {} THEN -1
             ELSE CHOOSE s \in {att[a].slot : a \in Wins} :
                    \A b \in Wins : att[b].slot <= s
AtSlot(s) == CHOOSE a \in Wins : att[a].slot = s
TailNext  == IF TailSlot = -1 THEN 0 ELSE att[AtSlot(TailSlot)].next

-----------------------------------------------------------------------------
Init ==
  /\ att = [a \in Atts |-> NoAtt] /\ ust = [u \in Ups |-> "none"]
  /\ com = {} /\ net = {} /\ ever = {} /\ nDel = 0
  /\ pc = [w \in W |-> "idle"] /\ cur = [w \in W |-> 0]
  /\ pos = [w \in W |-> [slot |-> 0, start |-> 0]]
  /\ koff = 0 /\ lo = 0
  /\ nA = 0 /\ nCrash = 0 /\ nReset = 0 /\ nRet = 0 /\ nLife = 0

\* ---- a worker gets (or believes it has got) the partition ------------------
\* It reads the chain and goes to roll the tail forward.
Assign(w) ==
  /\ pc[w] = "idle"
  /\ IF StartFrom = "chain"
     THEN /\ pos' = [pos EXCEPT ![w] = [slot |-> TailSlot+1, start |->
                        IF TailSlot = -1 /\ Genesis = "lo" THEN lo ELSE TailNext]]
          /\ cur' = [cur EXCEPT ![w] = IF TailSlot = -1 THEN 0 ELSE AtSlot(TailSlot)]
          /\ pc'  = [pc EXCEPT ![w] = IF TailSlot = -1 THEN "fill" ELSE "roll"]
     ELSE \* variant: GET the manifest keyed by the Kafka offset
          IF KeyTaken(<<"off",koff,0>>)
          THEN LET h == Holder(<<"off",koff,0>>) IN
               /\ pos' = [pos EXCEPT ![w] = [slot |-> 0, start |-> att[h].next]]
               /\ cur' = [cur EXCEPT ![w] = h]
               /\ pc'  = [pc EXCEPT ![w] = "roll"]
          ELSE /\ pos' = [pos EXCEPT ![w] = [slot |-> 0, start |-> koff]]
               /\ cur' = [cur EXCEPT ![w] = 0]
               /\ pc'  = [pc EXCEPT ![w] = "fill"]
  /\ UNCHANGED <<att,ust,com,net,koff,lo,nA,nCrash,nReset,nRet,nLife,ever,nDel>>

\* ---- roll forward: complete every file of a committed manifest -------------
Complete(w) ==
  /\ pc[w] \in {"roll","comp"} /\ cur[w] # 0 /\ cur[w] \in com
  /\ \E u \in UpsOf(cur[w]) :
       /\ ust[Final(u)] = "open"
       /\ \A v \in UpsOf(cur[w]) : v[2] < u[2] => ust[Final(v)] # "open"
       /\ ust' = [ust EXCEPT ![Final(u)] = "done"]
  /\ UNCHANGED <<att,com,net,pc,cur,pos,koff,lo,nA,nCrash,nReset,nRet,nLife,ever,nDel>>

\* NoSuchUpload and HEAD says 404: rebuild that one file from Kafka
RepairFile(w) ==
  /\ Repair /\ pc[w] \in {"roll","comp"} /\ cur[w] # 0 /\ cur[w] \in com
  /\ nA < MaxA
  /\ \E u \in UpsOf(cur[w]) :
       /\ ust[Final(u)] = "gone"
       /\ att[cur[w]].start >= lo            \* Kafka still has the records
       /\ att' = [att EXCEPT ![nA+1] =
                   [kind |-> "rep", tgt |-> Final(u), w |-> w]]
       /\ ust' = [ust EXCEPT ![<<nA+1,1>>] = "open"]
       /\ net' = net \cup {nA+1}             \* PUT of the repair record
  /\ nA' = nA + 1
  /\ UNCHANGED <<com,pc,cur,pos,koff,lo,nCrash,nReset,nRet,nLife,ever,nDel>>

RollDone(w) ==
  /\ pc[w] \in {"roll","comp"} /\ cur[w] # 0
  /\ (TailFirst => FullyDone(cur[w]))
  \* Kafka commit (may go backwards); in "chain" mode nobody ever reads it
  /\ koff' = IF StartFrom = "kafka" THEN att[cur[w]].next ELSE koff
  /\ IF StartFrom = "kafka" /\ KeyTaken(<<"off",att[cur[w]].next,0>>)
     THEN LET h == Holder(<<"off",att[cur[w]].next,0>>) IN   \* variant: go on from there
          /\ cur' = [cur EXCEPT ![w] = h]
          /\ pos' = [pos EXCEPT ![w] = [slot |-> 0, start |-> att[h].next]]
          /\ pc'  = [pc EXCEPT ![w] = "roll"]
     ELSE /\ pos' = [pos EXCEPT ![w] =
                [slot |-> (IF StartFrom = "chain" THEN att[cur[w]].slot+1 ELSE 0),
                 start |-> att[cur[w]].next]]
          /\ cur' = [cur EXCEPT ![w] = 0]
          /\ pc'  = [pc EXCEPT ![w] = "fill"]
  /\ UNCHANGED <<att,ust,com,net,lo,nA,nCrash,nReset,nRet,nLife,ever,nDel>>

\* ---- build a window: any size, any time; uploads are open ------------------
Fill(w) ==
  /\ pc[w] = "fill" /\ nA < MaxA
  /\ pos[w].start < N
  /\ LET s == pos[w].start IN
     IF s < lo
     THEN /\ att' = [att EXCEPT ![nA+1] = [kind |-> "gap", w |-> w,
                       slot |-> pos[w].slot, start |-> s, next |-> lo]]
          /\ UNCHANGED ust
     ELSE \E n \in (s+1)..N :
          /\ att' = [att EXCEPT ![nA+1] = [kind |-> "win", w |-> w,
                       slot |-> pos[w].slot, start |-> s, next |-> n]]
          /\ ust' = [u \in Ups |-> IF u[1] = nA+1 THEN
                       (IF Order = "complete" THEN "done" ELSE "open") ELSE ust[u]]
  /\ nA' = nA + 1
  /\ cur' = [cur EXCEPT ![w] = nA+1]
  /\ pc'  = [pc EXCEPT ![w] = "ready"]
  /\ UNCHANGED <<com,net,pos,koff,lo,nCrash,nReset,nRet,nLife,ever,nDel>>

\* send (or resend) the manifest
SendPut(w) ==
  /\ pc[w] = "ready"
  /\ net' = net \cup {cur[w]}
  /\ pc' = [pc EXCEPT ![w] = "put"]
  /\ UNCHANGED <<att,ust,com,cur,pos,koff,lo,nA,nCrash,nReset,nRet,nLife,ever,nDel>>

\* revoked before the PUT was ever sent: own uploads may be aborted
Revoke(w) ==
  /\ pc[w] = "ready" /\ nCrash < MaxCrash /\ nCrash' = nCrash + 1
  /\ ust' = [u \in Ups |-> IF u[1] = cur[w] /\ ust[u] = "open" THEN "gone" ELSE ust[u]]
  /\ pc' = [pc EXCEPT ![w] = "idle"] /\ cur' = [cur EXCEPT ![w] = 0]
  /\ UNCHANGED <<att,com,net,pos,koff,lo,nA,nReset,nRet,nLife,ever,nDel>>

\* S3 evaluates put-if-absent, atomically; the message may arrive again later
Deliver(a) ==
  /\ a \in net
  /\ com' = IF KeyTaken(Key(a)) THEN com ELSE com \cup {a}
  /\ com' # com
  /\ ever' = ever \cup com'
  /\ UNCHANGED <<att,ust,net,pc,cur,pos,koff,lo,nA,nCrash,nReset,nRet,nLife,nDel>>

\* read the slot: the only way to learn the outcome
Won(w) ==
  /\ pc[w] = "put" /\ cur[w] \in com
  /\ pc' = [pc EXCEPT ![w] = "comp"]
  /\ UNCHANGED <<att,ust,com,net,cur,pos,koff,lo,nA,nCrash,nReset,nRet,nLife,ever,nDel>>

Lost(w) ==
  /\ pc[w] = "put" /\ cur[w] \notin com /\ KeyTaken(Key(cur[w]))
  /\ ust' = [u \in Ups |-> IF u[1] = cur[w] /\ ust[u] = "open" THEN "gone" ELSE ust[u]]
  /\ cur' = [cur EXCEPT ![w] = Holder(Key(cur[w]))]
  /\ pc' = [pc EXCEPT ![w] = "roll"]
  /\ UNCHANGED <<att,com,net,pos,koff,lo,nA,nCrash,nReset,nRet,nLife,ever,nDel>>

\* variant: the PUT timed out (slot still empty when looked at), give up
GiveUp(w) ==
  /\ AbortRule = "giveup" /\ pc[w] = "put" /\ ~KeyTaken(Key(cur[w]))
  /\ ust' = [u \in Ups |-> IF u[1] = cur[w] /\ ust[u] = "open" THEN "gone" ELSE ust[u]]
  /\ pc' = [pc EXCEPT ![w] = "idle"] /\ cur' = [cur EXCEPT ![w] = 0]
  /\ UNCHANGED <<att,com,net,pos,koff,lo,nA,nCrash,nReset,nRet,nLife,ever,nDel>>

Crash(w) ==
  /\ nCrash < MaxCrash /\ pc[w] # "idle"
  /\ pc' = [pc EXCEPT ![w] = "idle"] /\ cur' = [cur EXCEPT ![w] = 0]
  /\ pos' = [pos EXCEPT ![w] = [slot |-> 0, start |-> 0]]
  /\ nCrash' = nCrash + 1
  /\ UNCHANGED <<att,ust,com,net,koff,lo,nA,nReset,nRet,nLife,ever,nDel>>

\* ---- environment -----------------------------------------------------------
AdminReset ==
  /\ nReset < MaxReset /\ StartFrom = "kafka"
  /\ \E k \in 0..N : k # koff /\ koff' = k
  /\ nReset' = nReset + 1
  /\ UNCHANGED <<att,ust,com,net,pc,cur,pos,lo,nA,nCrash,nRet,nLife,ever,nDel>>

Retention ==
  /\ nRet < MaxRet /\ lo < N /\ lo' = lo + 1 /\ nRet' = nRet + 1
  /\ UNCHANGED <<att,ust,com,net,pc,cur,pos,koff,nA,nCrash,nReset,nLife,ever,nDel>>

Collect ==
  /\ GCRule # "none"
  /\ \E a \in Atts \ com :
       /\ \E f \in Files : ust[<<a,f>>] = "open"
       /\ (GCRule = "decided" => KeyTaken(Key(a)))
       /\ ust' = [u \in Ups |-> IF u[1] = a /\ ust[u] = "open" THEN "gone" ELSE ust[u]]
  /\ UNCHANGED <<att,com,net,pc,cur,pos,koff,lo,nA,nCrash,nReset,nRet,nLife,ever,nDel>>

Lifecycle ==
  /\ nLife < MaxLife
  /\ \E u \in Ups :
       /\ ust[u] = "open"
       /\ (SigFence => (u[1] \in com \/ u[1] \notin net))
       /\ ust' = [ust EXCEPT ![u] = "gone"]
       \* after the signature expired the manifest can no longer land either
       /\ net' = IF SigFence THEN net \ {u[1]} ELSE net
       /\ pc' = [w \in W |-> IF SigFence /\ cur[w] = u[1] /\ pc[w] = "ready"
                             THEN "idle" ELSE pc[w]]  \* age check before signing
  /\ nLife' = nLife + 1
  /\ UNCHANGED <<att,com,cur,pos,koff,lo,nA,nCrash,nReset,nRet,ever,nDel>>

\* somebody (bucket expiry rule, operator, compaction) deletes an OLD manifest
DeleteManifest ==
  /\ nDel < MaxDel
  /\ \E a \in Wins : /\ \E b \in Wins : att[b].start = att[a].next
                     /\ com' = com \ {a}
  /\ nDel' = nDel + 1
  /\ UNCHANGED <<att,ust,net,ever,pc,cur,pos,koff,lo,nA,nCrash,nReset,nRet,nLife>>

WNext(w) == \/ Assign(w) \/ Complete(w) \/ RepairFile(w) \/ RollDone(w) \/ Fill(w)
            \/ SendPut(w) \/ Revoke(w) \/ Won(w) \/ Lost(w) \/ GiveUp(w)
Next == (\E w \in W : WNext(w) \/ Crash(w)) \/ (\E a \in Atts : Deliver(a))
        \/ DeleteManifest \/ AdminReset \/ Retention \/ Collect \/ Lifecycle

Spec == Init /\ [][Next]_vars

\* fairness for the liveness check (no Revoke forever: Revoke is not fair)
Progress(w) == Assign(w) \/ Complete(w) \/ RepairFile(w) \/ RollDone(w) \/ Fill(w)
               \/ SendPut(w) \/ Won(w) \/ Lost(w)
FairSpec == Spec /\ \A w \in W : WF_vars(Progress(w))
                 /\ \A a \in Atts : WF_vars(Deliver(a))

-----------------------------------------------------------------------------
Covers(a,o) == att[a].start <= o /\ o < att[a].next

TypeOK == /\ com \subseteq Atts /\ net \subseteq Atts
          /\ \A u \in Ups : ust[u] \in {"none","open","done","gone"}

\* I1: no offset in two committed manifests
EverWins    == {a \in ever : att[a].kind \in {"win","gap"}}
NoDuplicate == \A a,b \in EverWins : \A o \in 0..(N-1) :
                  Covers(a,o) /\ Covers(b,o) => a = b
\* I2: the committed manifests are a gapless chain from the genesis offset
Gapless == /\ Cardinality({a \in Wins : ~\E b \in Wins : att[b].next = att[a].start}) <= 1
           /\ Genesis = "zero" => \A a \in Wins : att[a].start = 0
                 \/ \E b \in Wins : att[b].next = att[a].start
           /\ KeyMode = "seq" =>
                \A a \in Wins : att[a].slot = 0
                   \/ \E b \in Wins : att[b].slot = att[a].slot-1
                                      /\ att[b].next = att[a].start
\* I3: every file of a committed manifest can be (or has been) completed
NoHole == \A a \in Wins : \A u \in UpsOf(a) : ust[Final(u)] # "gone"
\* I3r: with repair: a hole may exist only while it is still repairable
NoHoleForever == \A a \in Wins : \A u \in UpsOf(a) :
                    ust[Final(u)] = "gone" => att[a].start >= lo
\* I4: a reader that just lists the bucket never sees an uncommitted record
\*     and never sees one file twice
NoDirty == \A u \in Ups : ust[u] = "done" => u[1] \in ever
NoTwice == \A u \in Ups : ust[u] = "done" /\ u[1] \in com => Final(u) = u
\* I5: only the newest manifest of the partition can be incomplete
OnlyTailPending == \A a,b \in Wins : att[b].start = att[a].next => FullyDone(a)

Everything == \A o \in 0..(N-1) : \E a \in Wins : Covers(a,o) /\ FullyDone(a)
Live == <>[]Everything
=============================================================================
